// Dependencies first, each once; destructors in the opposite order.
#include "behaviour.h"
#define BOTH(name) __attribute__((constructor)) static void begin(void) { SAY("begin " name "\n"); } \
                   __attribute__((destructor)) static void end(void) { SAY("end " name "\n"); }
//= libd.so
BOTH("d")
//= libb.so needs=libd.so -Wl,--no-as-needed
BOTH("b")
//= libc_.so needs=libd.so -Wl,--no-as-needed
BOTH("c")
//= liba.so needs=libb.so,libc_.so -Wl,--no-as-needed
BOTH("a")
//= main
//= run opened
//= run closed
int main(int argc, char **argv) {
    void *a = must_open("./liba.so", RTLD_NOW);
    if (!strcmp(argv[1], "closed")) SAY("close %d\n", dlclose(a));
    SAY("main ends\n");
}
