// Hidden symbols are not found by others, nor by dlsym.
#include "behaviour.h"
//= libx.so
__attribute__((visibility("hidden"))) int which(void) { return 1; }
int x(void) { return which(); }
//= main needs=libx.so -Wl,-E
int which(void) { return 2; }
int x(void);
int main(void) {
    SAY("%d %d\n", x(), which());
    void *library = dlopen("./libx.so", RTLD_NOW);
    SAY("%d\n", dlsym(library, "which") == 0);
    SAY("%s\n", dlerror());
}
