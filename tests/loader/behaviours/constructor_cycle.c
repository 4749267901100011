// Two libraries that need each other.
#include "behaviour.h"
#define BOTH(name) __attribute__((constructor)) static void begin(void) { SAY("begin " name "\n"); } \
                   __attribute__((destructor)) static void end(void) { SAY("end " name "\n"); }
//= stub/libb.so
int b(void) { return 0; }
//= liba.so needs=stub/libb.so
BOTH("a")
int b(void);
int a(void) { return 1 + b(); }
//= libb.so needs=liba.so -Wl,--no-as-needed
BOTH("b")
int a(void);
int b(void) { return a != 0; }
//= main
//= run a
//= run b
int main(int argc, char **argv) {
    void *x = must_open(*argv[1] == 'a' ? "./liba.so" : "./libb.so", RTLD_NOW);
    SAY("%d\n", call(x, "a"));
    SAY("close %d\n", dlclose(x));
}
