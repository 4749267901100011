// atexit in a library: its handlers run when it is closed, from its start files' destructor, or at exit in their turn.
#include "behaviour.h"
//= run closed
//= run left
//= libx.so cc=gcc
static void first(void) { SAY("first\n"); }
static void second(void) { SAY("second\n"); }
__attribute__((destructor)) static void end(void) { SAY("destructor\n"); }
int x(void) { return atexit(first) + atexit(second); }
//= main
static void last(void) { SAY("the program's\n"); }
int main(int argc, char **argv) {
    void *x = must_open("./libx.so", RTLD_NOW);
    SAY("%d\n", call(x, "x"));
    atexit(last);
    if (!strcmp(argv[1], "closed")) SAY("close %d\n", dlclose(x));
    SAY("main ends\n");
}
