// A library refers to a function with a resolver in the program, which is relocated after it.
#include "behaviour.h"
//= libx.so -Wl,-z,now -Wl,-z,undefs
int chosen(void);
int x(void) { return chosen(); }
//= main needs=libx.so -Wl,-E -Wl,-z,now
static int two(void) { return 2; }
static void *choose(void) { return two; }
int chosen(void) __attribute__((ifunc("choose")));
int x(void);
int main(void) { SAY("%d\n", x()); }
