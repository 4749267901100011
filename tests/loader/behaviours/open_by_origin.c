// dlopen of a name with $ORIGIN: the caller's folder.
#include "behaviour.h"
//= sub/libc_.so
int c(void) { return 3; }
//= sub/libx.so
int x(void) { return call(must_open("$ORIGIN/libc_.so", RTLD_NOW), "c"); }
//= main
int main(void) {
    SAY("%d\n", call(must_open("${ORIGIN}/sub/libx.so", RTLD_NOW), "x"));
    must_open("$ORIGIN/libc_.so", RTLD_NOW);
}
