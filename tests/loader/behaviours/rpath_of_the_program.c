// The program's DT_RPATH serves what its opened libraries need, its DT_RUNPATH does not.
#include "behaviour.h"
//= sub/libc_.so
int c(void) { return 3; }
//= libx.so needs=sub/libc_.so
int c(void);
int x(void) { return c(); }
//= main cc=gcc -Wl,-rpath,$ORIGIN/sub -Wl,--disable-new-dtags
int main(void) { void *x = must_open("./libx.so", RTLD_NOW); if (x) SAY("%d\n", call(x, "x")); }
