// What a library registered with __cxa_atexit runs when __cxa_finalize is called for it, last first, and not again at exit.
#include "behaviour.h"
//= libx.so
extern int __cxa_atexit(void (*)(void *), void *, void *);
extern void __cxa_finalize(void *);
static int handle;
static void say(void *text) { SAY("%s\n", (char *)text); }
__attribute__((constructor)) static void begin(void) {
    __cxa_atexit(say, "first registered", &handle);
    __cxa_atexit(say, "second registered", &handle);
}
__attribute__((destructor)) static void end(void) { SAY("destructor\n"); __cxa_finalize(&handle); }
//= main
//= run closed
//= run left
static void last(void) { SAY("atexit\n"); }
int main(int argc, char **argv) {
    atexit(last);
    void *x = must_open("./libx.so", RTLD_NOW);
    if (!strcmp(argv[1], "closed")) SAY("close %d\n", dlclose(x));
    SAY("main ends\n");
}
