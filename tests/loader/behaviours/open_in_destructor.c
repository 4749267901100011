// A destructor opens a library, when its own is closed and at exit.
#include "behaviour.h"
//= liblate.so
__attribute__((constructor)) static void begin(void) { SAY("late begins\n"); }
__attribute__((destructor)) static void end(void) { SAY("late ends\n"); }
int late(void) { return 8; }
//= libx.so
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); SAY("%d\n", call(must_open("./liblate.so", RTLD_NOW), "late")); }
//= main
//= run closed
//= run left
int main(int argc, char **argv) {
    void *x = must_open("./libx.so", RTLD_NOW);
    if (!strcmp(argv[1], "closed")) SAY("close %d\n", dlclose(x));
    SAY("main ends\n");
}
