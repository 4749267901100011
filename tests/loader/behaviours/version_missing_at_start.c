// The same in a library that the program is linked with: it does not start.
#include "behaviour.h"
//= text NEWER V9 { global: f; };
//= text OLD V1 { global: f; };
//= newer/libv.so cc=gcc -Wl,--version-script=NEWER
int f(void) { return 9; }
//= libv.so cc=gcc -Wl,--version-script=OLD
int f(void) { return 1; }
//= main needs=newer/libv.so
int f(void);
int main(void) { SAY("%d\n", f()); }
