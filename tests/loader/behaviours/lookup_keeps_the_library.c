// Who finds a symbol by dlsym(RTLD_DEFAULT) or at a function's first call keeps its library; by RTLD_NEXT or a handle not.
#include "behaviour.h"
//= run default
//= run next
//= run handle
//= run weak
//= run library
//= run gone
//= libx.so
int found(void) { return 1; }
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); }
//= liby.so
int y(void) { return dlsym(RTLD_DEFAULT, "found") != 0; }
__attribute__((destructor)) static void end(void) { SAY("y ends\n"); }
//= main
static int loaded(const char *name) { return dlopen(name, RTLD_NOW | RTLD_NOLOAD) != 0; }
int main(int argc, char **argv) {
    const char *way = argv[1];
    void *x = must_open("./libx.so", RTLD_NOW | RTLD_GLOBAL), *y = must_open("./liby.so", RTLD_NOW);
    if (!strcmp(way, "default")) SAY("found %d\n", dlsym(RTLD_DEFAULT, "found") != 0);
    if (!strcmp(way, "next")) SAY("found %d\n", dlsym(RTLD_NEXT, "found") != 0);
    if (!strcmp(way, "handle")) SAY("found %d\n", dlsym(x, "found") != 0);
    if (!strcmp(way, "weak")) SAY("found %d\n", dlsym(RTLD_DEFAULT, "missing") != 0);
    if (!strcmp(way, "library") || !strcmp(way, "gone")) SAY("found %d\n", call(y, "y"));
    if (!strcmp(way, "gone")) SAY("close y %d\n", dlclose(y));
    SAY("close %d\n", dlclose(x));
    SAY("still there: %d\n", loaded("./libx.so"));
}
