// Several libraries closed at once end in the order that their dependencies ask for.
#include "behaviour.h"
//= also armv5-gnueabi
#define BOTH(name) __attribute__((constructor)) static void begin(void) { SAY("begin " name "\n"); } \
                   __attribute__((destructor)) static void end(void) { SAY("end " name "\n"); }
//= libe.so
BOTH("e")
//= libd.so
BOTH("d")
//= libc_.so needs=libe.so -Wl,--no-as-needed
BOTH("c")
//= libb.so needs=libc_.so,libd.so -Wl,--no-as-needed
BOTH("b")
//= liba.so needs=libd.so,libb.so -Wl,--no-as-needed
BOTH("a")
//= main
int main(void) { void *a = must_open("./liba.so", RTLD_NOW); SAY("close %d\n", dlclose(a)); SAY("main ends\n"); }
