// The same in a program at fixed addresses.
#include "behaviour.h"
//= also armv5-gnueabi
//= main -no-pie
static __thread int a = 5;
static __thread int *self = &(int){6};
static void *use(void *p) { SAY("%d %d\n", a++, (*self)++); return p; }
int main(void) { use(0); in_thread(use, 0); use(0); }
