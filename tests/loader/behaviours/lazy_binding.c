// RTLD_LAZY: a function that is not there yet is bound at its first call, when a library opened meanwhile defines it.
#include "behaviour.h"
//= also armv5-gnueabi
//= run lazy
//= run now
//= libx.so -Wl,-z,lazy -Wl,-z,undefs
int late(int);
int x(void) { return late(1) * 10 + late(2); }
int early(void) { return 5; }
//= liblate.so
int late(int n) { return n + 1; }
//= main -Wl,-z,lazy
int main(int argc, char **argv) {
    void *x = must_open("./libx.so", strcmp(argv[1], "now") ? RTLD_LAZY : RTLD_NOW);
    if (!x) return 1;
    SAY("%d\n", call(x, "early"));
    must_open("./liblate.so", RTLD_NOW | RTLD_GLOBAL);
    SAY("%d\n", call(x, "x"));
}
