// A program whose libraries lack a variable does not start; the same for a function when everything is bound at once.
#include "behaviour.h"
//= stub/libx.so
int missing = 1;
int x(void) { return 2; }
//= libx.so
int x(void) { return 1; }
//= main needs=stub/libx.so
extern int missing;
int x(void);
int main(void) { SAY("%d\n", missing + x()); }
