/* A program's life: preinit array, constructors, handlers of exit, destructors, and a dlopen while it exits; `early` ends
 * it in its own constructor. */
#include "life.h"
int life_library(void);
static void before(void) { SAY("preinit"); }
__attribute__((section(".preinit_array"), used)) static void (*preinit)(void) = before;
static void handler(void) { SAY("program's handler"); }
__attribute__((constructor)) static void begin(void) {
    SAY("program begins");
    atexit(handler);
    if (getenv("EARLY")) exit(3);
}
__attribute__((destructor)) static void end(void) {
    SAY("program ends");
    void *found = dlopen("libnothing.so", RTLD_NOW);
    const char *words = found ? "opened" : dlerror();
    write(1, words, strlen(words));
    SAY("");
}
int main(void) { return life_library(); }
