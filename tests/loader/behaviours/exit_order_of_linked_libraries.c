// Destructors are one of the handlers of exit: what a library registers at start comes after them, what main does before.
#include "behaviour.h"
//= libx.so
static void start(void) { SAY("x's handler of the start\n"); }
static void later(void) { SAY("x's later handler\n"); }
__attribute__((constructor)) static void begin(void) { atexit(start); }
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); }
int x(void) { return atexit(later); }
//= libg.so cc=gcc
static void start(void) { SAY("g's handler of the start\n"); }
__attribute__((constructor)) static void begin(void) { atexit(start); }
__attribute__((destructor)) static void end(void) { SAY("g ends\n"); }
int g(void) { return 0; }
//= main needs=libx.so,libg.so -Wl,--no-as-needed
int x(void), g(void);
static void handler(void) { SAY("main's handler\n"); }
static void early(void) { SAY("main's handler of its constructor\n"); }
static void last(void) { SAY("handler of main's destructor\n"); }
__attribute__((constructor)) static void begin(void) { atexit(early); }
__attribute__((destructor)) static void end(void) { SAY("main ends\n"); SAY("again %d\n", atexit(last)); }
int main(void) { atexit(handler); x(); return g(); }
