// A lazily bound PLT table holds slots; what else is refused, by another name than elsewhere.
#include "behaviour.h"
//= targets amd64-gnu
//= made liba.so plt_relocation 1
//= made libb.so plt_relocation 6
//= made libc_.so plt_relocation 7
//= main
int main(void) {
    const char *names[] = {"./liba.so", "./libb.so", "./libc_.so"};
    for (int i = 0; i < 3; i++) SAY("%s\n", dlopen(names[i], RTLD_LAZY) ? "opened" : dlerror());
    for (int i = 0; i < 3; i++) SAY("%s\n", dlopen(names[i], RTLD_NOW) ? "opened" : dlerror());
}
