// Values too wide for their places are cut off, and complained of.
#include "behaviour.h"
//= targets amd64-gnu
//= run 10
//= run 2
//= made lib10.so far 10
//= made lib2.so far 2
//= main
int main(int argc, char **argv) {
    char name[32];
    sprintf(name, "./lib%s.so", argv[1]);
    void *x = must_open(name, RTLD_NOW);
    unsigned slot = *(unsigned *)dlsym(x, "slot");
    SAY("%d\n", slot == 0x56789abc || slot == (unsigned)(0x56789abc - (uintptr_t)dlsym(x, "slot")));
}
