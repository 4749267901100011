// Local-dynamic access: one call gives the module's block, all static variables lie in it.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so -ftls-model=local-dynamic
static __thread int a = 1, b = 2;
static __thread char c[3] = "xy";
int sum(void) { return a++ + b++ + c[0] - 'x' + (int)(&b - &a); }
//= main needs=libx.so
int sum(void);
static void *use(void *p) { SAY("%d %d\n", sum(), sum()); return p; }
int main(void) { use(0); in_thread(use, 0); use(0); }
