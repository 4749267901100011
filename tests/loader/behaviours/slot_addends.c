// The addend of PLT slots and GLOB_DAT entries: whether it is added depends on the machine, and on when the slot is bound.
#include "behaviour.h"
//= targets amd64-gnu arm64-gnu
//= made libplain.so slot 1 0
//= made libnow.so slot 1 24
//= made liblazy.so slot 0 24
//= made libdata.so slot 1 24 GLOB_DAT
//= main
static void say(const char *name, int flags) {
    void *x = must_open(name, flags);
    char **slot = dlsym(x, "slot"), *function = dlsym(x, "function");
    SAY("%s %ld\n", name, (long)(*slot - function));
}
int main(void) {
    say("./libplain.so", RTLD_NOW);
    say("./libnow.so", RTLD_NOW);
    say("./liblazy.so", RTLD_LAZY);
    say("./libdata.so", RTLD_NOW);
}
