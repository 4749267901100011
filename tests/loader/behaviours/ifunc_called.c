// A function symbol whose resolver chooses: called from its library, another one and the program.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so
static int one(void) { return 1; }
static int two(void) { return 2; }
static void *choose(void) { return two; }
int chosen(void) __attribute__((ifunc("choose")));
int from_x(void) { return chosen() + 10; }
//= liby.so needs=libx.so
int chosen(void);
int from_y(void) { return chosen() + 20; }
//= main needs=liby.so,libx.so
int chosen(void);
int from_x(void);
int from_y(void);
int main(void) { SAY("%d %d %d\n", chosen(), from_x(), from_y()); }
