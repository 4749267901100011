// A library opened again with RTLD_GLOBAL serves those that are opened afterwards.
#include "behaviour.h"
//= liba.so
int provided(void) { return 1; }
//= libb.so
int provided(void) __attribute__((weak));
int x(void) { return provided ? provided() : 0; }
//= copies libb.so 2
//= main
int main(void) {
    must_open("./liba.so", RTLD_NOW | RTLD_LOCAL);
    SAY("%d\n", call(must_open("./libb000.so", RTLD_NOW), "x"));
    must_open("./liba.so", RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
    SAY("%d\n", call(must_open("./libb001.so", RTLD_NOW), "x"));
    SAY("%d\n", dlsym(RTLD_DEFAULT, "provided") != 0);
}
