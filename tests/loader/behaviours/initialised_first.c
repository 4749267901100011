// DF_1_INITFIRST: one library's constructors come before all others', its destructors in their usual place.
#include "behaviour.h"
#define BOTH(name) __attribute__((constructor)) static void begin(void) { SAY("begin " name "\n"); } \
                   __attribute__((destructor)) static void end(void) { SAY("end " name "\n"); }
//= liba.so
BOTH("a")
//= libb.so needs=liba.so cc=gcc -Wl,--no-as-needed -Wl,-z,initfirst
BOTH("b")
//= libc_.so needs=liba.so -Wl,--no-as-needed
BOTH("c")
//= main needs=libc_.so,libb.so -Wl,--no-as-needed
BOTH("main")
int main(void) { SAY("main\n"); }
