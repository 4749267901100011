// A destructor closes another library: that one's destructors follow.
#include "behaviour.h"
//= libother.so
__attribute__((destructor)) static void end(void) { SAY("other ends\n"); }
//= libx.so
static void *other;
__attribute__((constructor)) static void begin(void) { other = must_open("./libother.so", RTLD_NOW); }
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); SAY("close %d\n", dlclose(other)); SAY("x has ended\n"); }
//= main
//= run closed
//= run left
int main(int argc, char **argv) {
    void *x = must_open("./libx.so", RTLD_NOW);
    if (!strcmp(argv[1], "closed")) SAY("close %d\n", dlclose(x));
    SAY("main ends\n");
}
