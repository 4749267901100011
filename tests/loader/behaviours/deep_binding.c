// RTLD_DEEPBIND: the library's own scope before the global one; its dependencies too.
#include "behaviour.h"
//= also armv5-gnueabi
//= libdep.so
int which(void) { return 2; }
int dep(void) { return which(); }
//= libx.so needs=libdep.so
int which(void);
int dep(void);
int x(void) { return which() * 10 + dep(); }
//= main -Wl,-E
//= run deep
//= run plain
int which(void) { return 1; }
int main(int argc, char **argv) {
    SAY("%d\n", call(must_open("./libx.so", RTLD_NOW | (strcmp(argv[1], "deep") ? 0 : RTLD_DEEPBIND)), "x"));
}
