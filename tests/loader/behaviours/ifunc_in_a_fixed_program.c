// A program at fixed addresses: its PLT entry is the function's address for everybody.
#include "behaviour.h"
//= libx.so
static int two(void) { return 2; }
static void *choose(void) { return two; }
int chosen(void) __attribute__((ifunc("choose")));
int (*in_data)(void) = chosen;
int (*via_got(void))(void) { return chosen; }
//= main needs=libx.so cc=gcc -no-pie -fno-pie
int chosen(void);
extern int (*in_data)(void);
int (*via_got(void))(void);
int main(void) { SAY("%d %d %d %d\n", chosen(), in_data == chosen, via_got() == chosen, in_data()); }
