// A call of a function that nobody defines ends the process with status 127, when it is made.
#include "behaviour.h"
//= also armv5-gnueabi
//= run
//= run LD_BIND_NOW=1
//= stub/libx.so
int missing(void) { return 1; }
int x(void) { return 2; }
//= libx.so
int x(void) { return 1; }
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); }
//= main needs=stub/libx.so -Wl,-z,lazy
int missing(void);
int x(void);
static void last(void) { SAY("atexit\n"); }
int main(void) { atexit(last); SAY("%d\n", x()); SAY("%d\n", missing()); }
