// A resolver may use the data of what its library depends on, which is relocated before; constructors come after all resolvers.
#include "behaviour.h"
//= liby.so
static int table[2] = {5, 6};
int *pointer = table;
__attribute__((constructor)) static void begin(void) { pointer++; SAY("constructor of y\n"); }
//= libx.so needs=liby.so
extern int *pointer;
static int five(void) { return 5; }
static int other(void) { return 0; }
static void *choose(void) { return *pointer == 5 ? five : other; }
__attribute__((visibility("hidden"))) int chosen(void) __attribute__((ifunc("choose")));
__attribute__((constructor)) static void begin(void) { SAY("constructor of x: %d\n", chosen()); }
int x(void) { return chosen(); }
//= main
int main(void) { SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "x")); }
