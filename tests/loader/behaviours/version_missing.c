// A version that a needed library does not define: refused when opened, and at the start of a program.
#include "behaviour.h"
//= run
//= text NEWER V9 { global: f; };
//= text OLD V1 { global: f; };
//= newer/libv.so cc=gcc -Wl,--version-script=NEWER
int f(void) { return 9; }
//= libv.so cc=gcc -Wl,--version-script=OLD
int f(void) { return 1; }
//= libx.so needs=newer/libv.so
int f(void);
int x(void) { return f(); }
//= main
int main(void) { void *x = must_open("./libx.so", RTLD_NOW); SAY("%d\n", x != 0); }
