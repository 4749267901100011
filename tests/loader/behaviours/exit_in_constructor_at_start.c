// exit() in a constructor at start: the handlers of exit, and whose destructors.
#include "behaviour.h"
//= libdone.so
__attribute__((constructor)) static void begin(void) { SAY("done begins\n"); }
__attribute__((destructor)) static void end(void) { SAY("done ends\n"); }
int done(void) { return 0; }
//= libx.so needs=libdone.so -Wl,--no-as-needed
int done(void);
static void handler(void) { SAY("handler\n"); }
__attribute__((constructor)) static void begin(void) { done(); if (getenv("AT")[0] == 'x') { SAY("x begins\n"); atexit(handler); exit(3); } }
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); }
int x(void) { return 1; }
//= main needs=libx.so
//= run AT=x
//= run AT=main
//= run AT=preinit
int x(void);
static void handler(void) { SAY("main's handler\n"); }
static int starts(char **envp) {
    for (; *envp; envp++)
        if (!strcmp(*envp, "AT=preinit")) return 1;
    return 0;
}
static void before(int argc, char **argv, char **envp) { if (starts(envp)) { SAY("preinit\n"); atexit(handler); exit(5); } }
__attribute__((section(".preinit_array"), used)) static void (*preinit)(int, char **, char **) = before;
__attribute__((constructor)) static void begin(void) { if (getenv("AT")[0] == 'm') { SAY("main begins\n"); atexit(handler); exit(4); } }
__attribute__((destructor)) static void end(void) { SAY("main ends\n"); }
int main(void) { SAY("not reached %d\n", x()); }
