// $ORIGIN, $LIB and $PLATFORM in paths, DT_NEEDED, filters and the argument of dlopen.
#include "behaviour.h"
//= lib/libhere.so
int here(void) { return 1; }
//= libneeds.so cc=gcc
__asm__(".section .note.GNU-stack");
int needs(void) { return 2; }
//= libaux.so cc=gcc -Wl,-f,$ORIGIN/lib/libhere.so
int here(void) { return 3; }
//= libfilt.so cc=gcc -Wl,-F,${ORIGIN}/lib/libhere.so
int here(void) { return 3; }
//= libbad.so cc=gcc -Wl,-F,$NOTHING/lib/libhere.so
int here(void) { return 3; }
//= libplat.so cc=gcc -Wl,-F,lib$PLATFORM.so
int here(void) { return 3; }
//= libdir.so cc=gcc -Wl,-F,$LIB/nothing.so
int here(void) { return 3; }
//= main
int main(void) {
    const char *names[] = {"$ORIGIN/lib/libhere.so", "${ORIGIN}/lib/libhere.so", "$ORIGINAL/libhere.so", "$ORIGIN_X/lib/libhere.so", "./libaux.so", "./libfilt.so",
        "./libbad.so", "./libdir.so", "$LIB/no.so", "./$LIB/no.so", "/$LIB/nothing.so", "${LIB}/${LIB}.so", "$", "$/", "x/$LIB$ORIGIN"};
    for (int i = 0; i < sizeof names / sizeof *names; i++) {
        void *x = dlopen(names[i], RTLD_NOW);
        SAY("%s: ", names[i]);
        if (x) SAY("%d\n", call(x, "here"));
        else SAY("%s\n", dlerror());
    }
}
