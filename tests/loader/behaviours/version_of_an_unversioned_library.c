// A library that defines no versions at all answers a versioned reference.
#include "behaviour.h"
//= text NEWER V9 { global: f; };
//= newer/libv.so cc=gcc -Wl,--version-script=NEWER
int f(void) { return 9; }
//= libv.so
int f(void) { return 1; }
//= main needs=newer/libv.so
int f(void);
int main(void) { SAY("%d\n", f()); }
