// 1664 bytes fit only where the thread pointer's head takes nothing from the surplus.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so -ftls-model=initial-exec 
__thread char block[1664];
int x(void) { block[0]++; return block[0] + block[1664 - 1]; }
//= main
int main(void) { void *x = must_open("./libx.so", RTLD_NOW); if (x) SAY("%d\n", call(x, "x")); }
