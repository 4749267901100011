// LD_LIBRARY_PATH: several folders in order, colons and semicolons, an empty one is the working folder.
#include "behaviour.h"
//= run LD_LIBRARY_PATH=one:two
//= run LD_LIBRARY_PATH=two;one
//= run LD_LIBRARY_PATH=three::two
//= run LD_LIBRARY_PATH=three
//= one/libx.so
int x(void) { return 1; }
//= two/libx.so
int x(void) { return 2; }
//= libx.so
int x(void) { return 3; }
//= main
int main(void) { void *x = must_open("libx.so", RTLD_NOW); if (x) SAY("%d\n", call(x, "x")); }
