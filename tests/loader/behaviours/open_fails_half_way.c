// A library whose dependency cannot be bound: all that came with it goes again, and nothing of it ran.
#include "behaviour.h"
//= libgood.so
__attribute__((constructor)) static void begin(void) { SAY("good begins\n"); }
__attribute__((destructor)) static void end(void) { SAY("good ends\n"); }
int good(void) { return 1; }
//= libbad.so -Wl,-z,undefs -Wl,-z,now
int missing(void);
int bad(void) { return missing(); }
//= libx.so needs=libgood.so,libbad.so -Wl,--no-as-needed
int x(void) { return 1; }
//= main
static int loaded(const char *name) { return dlopen(name, RTLD_NOW | RTLD_NOLOAD) != 0; }
int main(void) {
    SAY("%d\n", must_open("./libx.so", RTLD_NOW) == 0);
    SAY("%d %d %d\n", loaded("./libx.so"), loaded("./libgood.so"), loaded("./libbad.so"));
    SAY("%d\n", call(must_open("./libgood.so", RTLD_NOW), "good"));
}
