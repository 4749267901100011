// exit() in a constructor: what was initialised ends, the library itself too.
#include "behaviour.h"
//= libdone.so
__attribute__((constructor)) static void begin(void) { SAY("done begins\n"); }
__attribute__((destructor)) static void end(void) { SAY("done ends\n"); }
//= libx.so needs=libdone.so -Wl,--no-as-needed
__attribute__((constructor)) static void begin(void) { SAY("x begins\n"); exit(3); }
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); }
//= main
static void last(void) { SAY("atexit\n"); }
int main(void) { atexit(last); must_open("./libx.so", RTLD_NOW); SAY("not reached\n"); }
