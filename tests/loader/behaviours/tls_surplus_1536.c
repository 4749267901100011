// 1536 bytes of initial-exec TLS in an opened library fit everywhere.
#include "behaviour.h"
//= libx.so -ftls-model=initial-exec 
__thread char block[1536];
int x(void) { block[0]++; return block[0] + block[1536 - 1]; }
//= main
int main(void) { void *x = must_open("./libx.so", RTLD_NOW); if (x) SAY("%d\n", call(x, "x")); }
