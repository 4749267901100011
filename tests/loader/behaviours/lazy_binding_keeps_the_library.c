// The first call of a function of a library that is no dependency keeps that library as long as the caller is there.
#include "behaviour.h"
//= libx.so
int found(void) { return 7; }
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); }
//= liby.so cc=gcc -Wl,-z,lazy
int found(void);
int y(void) { return found(); }
__attribute__((destructor)) static void end(void) { SAY("y ends\n"); }
//= main
static int loaded(const char *name) { void *x = dlopen(name, RTLD_NOW | RTLD_NOLOAD); if (x) dlclose(x); return x != 0; }
int main(int argc, char **argv) {
    void *x = must_open("./libx.so", RTLD_NOW | RTLD_GLOBAL), *y = must_open("./liby.so", RTLD_LAZY);
    SAY("found %d\n", call(y, "y"));
    SAY("close x %d, still there: %d\n", dlclose(x), loaded("./libx.so"));
    SAY("close y %d, still there: %d\n", dlclose(y), loaded("./libx.so"));
}
