// DT_RELACOUNT, DT_RELCOUNT: so many entries are taken for relative ones; x86-64 and AArch64 check their types.
#include "behaviour.h"
//= made libright.so counted 2 rrs
//= made libless.so counted 1 rrs
//= made libnone.so counted 0 rsr
//= made libmore.so counted 3 rrs
//= run ./libright.so
//= run ./libless.so
//= run ./libnone.so
//= run ./libmore.so
//= main
int main(int argc, char **argv) {
    void *x = must_open(argv[1], RTLD_NOW);
    if (!x) return 1;
    char **slots = dlsym(x, "slots"), *function = dlsym(x, "function");
    for (int i = 0; i < 3; i++) SAY("%s ", slots[i] == function ? "function" : slots[i] == function - 32 ? "text" : "else");
    SAY("\n");
}
