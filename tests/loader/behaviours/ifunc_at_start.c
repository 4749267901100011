// Resolvers of linked objects run before the first constructor, dependencies first, the program's last.
#include "behaviour.h"
//= liby.so
int order = 0;
static int turn;
static int f(void) { return turn; }
static void *choose(void) { turn = ++order; return f; }
__attribute__((visibility("hidden"))) int chosen(void) __attribute__((ifunc("choose")));
int y(void) { return chosen(); }
__attribute__((constructor)) static void begin(void) { SAY("constructor of y %d\n", order); }
//= libx.so needs=liby.so
extern int order;
static int turn;
static int f(void) { return turn; }
static void *choose(void) { turn = ++order; return f; }
__attribute__((visibility("hidden"))) int chosen(void) __attribute__((ifunc("choose")));
int x(void) { return chosen(); }
//= main needs=libx.so,liby.so
extern int order;
int x(void);
int y(void);
static int turn;
static int f(void) { return turn; }
static void *choose(void) { turn = ++order; return f; }
__attribute__((visibility("hidden"))) int chosen(void) __attribute__((ifunc("choose")));
int main(void) { SAY("%d %d %d\n", y(), x(), chosen()); }
