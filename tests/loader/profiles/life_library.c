/* A library's part of a process's life: its constructor, a handler of exit registered there, its destructor. */
#include "life.h"
static void handler(void) { SAY("library's handler"); }
__attribute__((constructor)) static void begin(void) { SAY("library begins"); atexit(handler); }
__attribute__((destructor)) static void end(void) { SAY("library ends"); }
int life_library(void) { return 1; }
