// At exit: handlers last registered first, then destructors; a handler that registers another; on_exit with its status.
#include "behaviour.h"
//= libx.so
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); }
int x(void) { return 1; }
//= main needs=libx.so
int x(void);
static void third(void) { SAY("third\n"); }
static void first(void) { SAY("first\n"); }
static void second(void) { SAY("second\n"); atexit(third); }
static void status(int s, void *text) { SAY("%s %d\n", (char *)text, s); }
__attribute__((destructor)) static void end(void) { SAY("main ends\n"); }
int main(void) { atexit(first); on_exit(status, "status"); atexit(second); return 40 + x(); }
