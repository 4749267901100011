// An ordinary function of the program's comes before a library's with a resolver, which then never runs.
#include "behaviour.h"
//= libx.so
static int two(void) { return 2; }
static void *choose(void) { write(1, "resolver\n", 9); return two; }
int chosen(void) __attribute__((ifunc("choose")));
int x(void) { return chosen(); }
//= main needs=libx.so -Wl,-E
int chosen(void) { return 3; }
int x(void);
int main(void) { SAY("%d\n", x()); }
