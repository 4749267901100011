// dlsym(RTLD_DEFAULT) asks the caller's scope: an opened library sees its own dependencies, the program does not.
#include "behaviour.h"
//= libdep.so
int dep(void) { return 3; }
//= libx.so needs=libdep.so -Wl,--no-as-needed
int x(void) { int (*f)(void) = dlsym(RTLD_DEFAULT, "dep"); return f ? f() : -1; }
//= main
int main(void) {
    SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "x"));
    SAY("%d\n", dlsym(RTLD_DEFAULT, "dep") == 0);
    SAY("%s\n", dlerror());
}
