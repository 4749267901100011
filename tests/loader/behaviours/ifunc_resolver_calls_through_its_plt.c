// A resolver that calls through its PLT: relocated before it only where the linker placed the relocations side by side.
#include "behaviour.h"
//= liby.so
static int table[2] = {5, 6};
int *pointer = table;
int y(void) { return pointer[1]; }
__attribute__((constructor)) static void begin(void) { SAY("constructor of y\n"); }
//= libx.so needs=liby.so
int y(void);
static int six(void) { return 6; }
static int other(void) { return 0; }
static void *choose(void) { SAY("resolver sees %d\n", y()); return y() == 6 ? six : other; }
__attribute__((visibility("hidden"))) int chosen(void) __attribute__((ifunc("choose")));
__attribute__((constructor)) static void begin(void) { SAY("constructor of x: %d\n", chosen()); }
int x(void) { return chosen(); }
//= main
int main(void) { SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "x")); }
