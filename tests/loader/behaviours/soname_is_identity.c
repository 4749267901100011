// A library opened by path answers later needs of its soname, though the search would find another file.
#include "behaviour.h"
//= libc_.so
int c(void) { return 1; }
//= sub/libc_.so
int c(void) { return 2; }
//= libx.so needs=libc_.so
int c(void);
int x(void) { return c(); }
//= main
int main(void) {
    void *c = must_open("./sub/libc_.so", RTLD_NOW);
    SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "x"));
    SAY("%d %d\n", dlopen("libc_.so", RTLD_NOW) == c, dlopen("./libc_.so", RTLD_NOW) == c);
}
