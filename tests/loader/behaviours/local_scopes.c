// Libraries opened with RTLD_LOCAL do not see each other; their dependencies see the whole of what brought them in.
#include "behaviour.h"
//= liba.so
int provided(void) { return 1; }
//= libdep.so -Wl,-z,undefs
int up(void) __attribute__((weak));
int dep(void) { return up ? up() : 0; }
//= libb.so needs=libdep.so
int provided(void) __attribute__((weak));
int dep(void);
int up(void) { return 7; }
int b(void) { return (provided ? provided() : 0) * 10 + dep(); }
//= main
int main(void) {
    must_open("./liba.so", RTLD_NOW | RTLD_LOCAL);
    SAY("%d\n", call(must_open("./libb.so", RTLD_NOW), "b"));
    SAY("%d\n", dlsym(RTLD_DEFAULT, "provided") == 0);
}
