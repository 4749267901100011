// Linked libraries that know nothing of each other begin from the last to the first, unless one needs another.
#include "behaviour.h"
#define BOTH(name) __attribute__((constructor)) static void begin(void) { SAY("begin " name "\n"); } \
                   __attribute__((destructor)) static void end(void) { SAY("end " name "\n"); }
//= liba.so
BOTH("a")
//= libb.so
BOTH("b")
//= libc_.so needs=liba.so -Wl,--no-as-needed
BOTH("c")
//= main needs=liba.so,libb.so,libc_.so -Wl,--no-as-needed
BOTH("main")
int main(void) { SAY("main\n"); }
