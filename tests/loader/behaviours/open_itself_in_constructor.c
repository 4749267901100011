// A constructor opens its own library again: the same handle, no second run of the constructor.
#include "behaviour.h"
//= libx.so
__attribute__((constructor)) static void begin(void) {
    void *x = must_open("./libx.so", RTLD_NOW), *again = dlopen("./libx.so", RTLD_NOW | RTLD_NOLOAD);
    SAY("begins %d %d\n", x != 0, x == again);
    SAY("%d\n", call(x, "x"));
}
int x(void) { return 3; }
//= main
int main(void) { void *x = must_open("./libx.so", RTLD_NOW); SAY("%d\n", call(x, "x")); SAY("%d %d %d %d\n", dlclose(x), dlclose(x), dlclose(x), dlopen("./libx.so", RTLD_NOW | RTLD_NOLOAD) == 0); }
