// A library goes when it was closed as often as it was opened; closing it once more is an error.
#include "behaviour.h"
//= libx.so
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); }
int x(void) { return 1; }
//= main
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW);
    must_open("./libx.so", RTLD_LAZY);
    SAY("%d\n", dlopen("./libx.so", RTLD_NOW | RTLD_NOLOAD) == x);
    for (int i = 0; i < 3; i++) SAY("close %d\n", dlclose(x));
    SAY("%d\n", dlopen("./libx.so", RTLD_NOW | RTLD_NOLOAD) == 0);
    void *program = dlopen(0, RTLD_NOW);
    SAY("%d\n", dlclose(program));
}
