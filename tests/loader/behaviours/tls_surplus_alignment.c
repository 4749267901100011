// An alignment above that of the threads' areas gets no static TLS.
#include "behaviour.h"
//= libx.so -ftls-model=initial-exec
__thread __attribute__((aligned(64))) int value = 3;
int x(void) { return value; }
//= main
int main(void) { void *x = must_open("./libx.so", RTLD_NOW); if (x) SAY("%d\n", call(x, "x")); }
