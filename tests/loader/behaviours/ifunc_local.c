// IRELATIVE: a static function with a resolver, in a library and in programs.
#include "behaviour.h"
//= libx.so
static int two(void) { return 2; }
static void *choose(void) { return two; }
__attribute__((visibility("hidden"))) int chosen(void) __attribute__((ifunc("choose")));
static int (*volatile pointer)(void) = chosen;
int x(void) { return chosen() + 10 * pointer(); }
//= main needs=libx.so
int x(void);
static int three(void) { return 3; }
static void *choose(void) { return three; }
__attribute__((visibility("hidden"))) int chosen(void) __attribute__((ifunc("choose")));
static int (*volatile pointer)(void) = chosen;
int main(void) { SAY("%d %d %d\n", x(), chosen(), pointer()); }
