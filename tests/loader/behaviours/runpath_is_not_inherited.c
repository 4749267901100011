// A DT_RUNPATH serves the file that has it alone; a DT_RPATH also those below it.
#include "behaviour.h"
//= run runpath
//= run rpath
//= sub/libc_.so
int c(void) { return 3; }
//= sub/libb.so needs=sub/libc_.so
int c(void);
int b(void) { return c(); }
//= librunpath.so needs=sub/libb.so cc=gcc -Wl,-rpath,$ORIGIN/sub -Wl,--enable-new-dtags
int b(void);
int x(void) { return b(); }
//= librpath.so needs=sub/libb.so cc=gcc -Wl,-rpath,$ORIGIN/sub -Wl,--disable-new-dtags
int b(void);
int x(void) { return b(); }
//= main
int main(int argc, char **argv) {
    void *x = must_open(argv[1][1] == 'u' ? "./librunpath.so" : "./librpath.so", RTLD_NOW);
    if (x) SAY("%d\n", call(x, "x"));
}
