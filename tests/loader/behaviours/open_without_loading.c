// RTLD_NOLOAD: a handle of what is loaded, nothing of what is not; by path, by soname, by another name.
#include "behaviour.h"
//= libx.so -Wl,-soname,libsoname.so
int x(void) { return 1; }
//= main
int main(void) {
    SAY("%d\n", dlopen("./libx.so", RTLD_NOW | RTLD_NOLOAD) == 0);
    char *e = dlerror();
    SAY("%s\n", e ? e : "no error");
    void *x = must_open("./libx.so", RTLD_NOW);
    SAY("%d %d %d\n", dlopen("libsoname.so", RTLD_NOW | RTLD_NOLOAD) == x, dlopen("././libx.so", RTLD_NOW | RTLD_NOLOAD) == x,
        dlopen("libx.so", RTLD_NOW | RTLD_NOLOAD) == x);
}
