// A library refers to a function with a resolver in one that is relocated after it: it works, with a complaint on x86-64.
#include "behaviour.h"
//= libx.so -Wl,-z,now -Wl,-z,undefs
int chosen(void);
int x(void) { return chosen(); }
//= liby.so needs=libx.so -Wl,-z,now -Wl,--no-as-needed
static int two(void) { return 2; }
static void *choose(void) { return two; }
int chosen(void) __attribute__((ifunc("choose")));
int y(void) { return 1; }
//= main needs=liby.so,libx.so -Wl,--no-as-needed
int x(void);
int main(void) { SAY("%d\n", x()); }
