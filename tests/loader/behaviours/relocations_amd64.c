// Which relocations of the psABI a loaded x86-64 file may hold, and what the others are called.
#include "behaviour.h"
//= targets amd64-gnu
//= made libr1.so relocation 1
//= made libr2.so relocation 2
//= made libr3.so relocation 3
//= made libr6.so relocation 6
//= made libr7.so relocation 7
//= made libr9.so relocation 9
//= made libr10.so relocation 10
//= made libr11.so relocation 11
//= made libr12.so relocation 12
//= made libr13.so relocation 13
//= made libr14.so relocation 14
//= made libr15.so relocation 15
//= made libr21.so relocation 21
//= made libr23.so relocation 23
//= made libr24.so relocation 24
//= made libr25.so relocation 25
//= made libr32.so relocation 32
//= made libr33.so relocation 33
//= made libr38.so relocation 38
//= made libr41.so relocation 41
//= made libr99.so relocation 99
//= made libr250.so relocation 250
//= main
static const int numbers[] = {1,2,3,6,7,9,10,11,12,13,14,15,21,23,24,25,32,33,38,41,99,250};
int main(void) {
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char name[32];
        sprintf(name, "./libr%d.so", numbers[i]);
        void *x = dlopen(name, RTLD_NOW);
        SAY("%d ", numbers[i]);
        if (!x) {
            SAY("%s\n", dlerror());
            continue;
        }
        uintptr_t slot = *(uintptr_t *)dlsym(x, "slot"), place = (uintptr_t)dlsym(x, "slot"), function = (uintptr_t)dlsym(x, "function");
        uintptr_t low = 0xffffffff, ones = -1;
        SAY("%s%s\n", slot == function || slot == function - 1 ? "address" : slot == 77 || slot == 76 ? "size" : slot == ones ? "untouched"
            : (slot & low) == (function & low) ? "low half of the address" : (slot & low) == ((function - place) & low) ? "distance"
            : (slot & low) == 77 ? "size" : "something else", slot >> (sizeof slot * 4) == ones >> (sizeof slot * 4) ? ", upper half untouched" : "");
    }
}
