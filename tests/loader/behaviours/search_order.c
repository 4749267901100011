// DT_RPATH before LD_LIBRARY_PATH, DT_RUNPATH behind it.
#include "behaviour.h"
//= run rpath
//= run runpath
//= libc_.so
int c(void) { return 1; }
//= sub/libc_.so
int c(void) { return 2; }
//= librunpath.so needs=sub/libc_.so cc=gcc -Wl,-rpath,$ORIGIN/sub -Wl,--enable-new-dtags
int c(void);
int x(void) { return c(); }
//= librpath.so needs=sub/libc_.so cc=gcc -Wl,-rpath,$ORIGIN/sub -Wl,--disable-new-dtags
int c(void);
int x(void) { return c(); }
//= main
int main(int argc, char **argv) { SAY("%d\n", call(must_open(argv[1][1] == 'u' ? "librunpath.so" : "librpath.so", RTLD_NOW), "x")); }
