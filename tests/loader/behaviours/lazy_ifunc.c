// The resolver of a lazily bound function runs at its first call.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so
static int two(void) { return 2; }
static void *choose(void) { SAY("resolver\n"); return two; }
int chosen(void) __attribute__((ifunc("choose")));
//= main needs=libx.so -Wl,-z,lazy
int chosen(void);
int main(void) { SAY("main\n"); SAY("%d\n", chosen()); SAY("%d\n", chosen()); }
