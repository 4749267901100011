// The program's DT_RUNPATH serves its own needs and what it opens by name, not what that needs.
#include "behaviour.h"
//= sub/libc_.so
int c(void) { return 3; }
//= libx.so needs=sub/libc_.so
int c(void);
int x(void) { return c(); }
//= main cc=gcc -Wl,-rpath,$ORIGIN/sub -Wl,--enable-new-dtags
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW);
    SAY("%d\n", call(must_open("libc_.so", RTLD_NOW), "c"));
    x = must_open("./libx.so", RTLD_NOW);
    if (x) SAY("%d\n", call(x, "x"));
}
