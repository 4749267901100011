// PC24: an ARM branch in a loaded file; its condition and link bit stay, the distance holds what stood there before.
#include "behaviour.h"
//= targets armv7-gnueabihf
//= made libb.so branch 1 eafffffe
//= made libbl.so branch 1 ebfffffe
//= made libblne.so branch 1 1b000003
//= main
int main(void) {
    const char *names[] = {"./libb.so", "./libbl.so", "./libblne.so"};
    for (int i = 0; i < 3; i++) {
        void *x = must_open(names[i], RTLD_NOW);
        if (!x) continue;
        unsigned word = *(unsigned *)dlsym(x, "slot");
        int distance = (int)(word << 8) >> 6;
        SAY("%x %d\n", word >> 24, (int)((char *)dlsym(x, "slot") + distance + 8 - (char *)dlsym(x, "function")));
    }
}
