/* Its constructor opens a library that depends on it, before it is ready itself. */
#include <dlfcn.h>

static volatile int ready;

int opens_dependent_ready(void) { return ready; }

__attribute__((constructor)) static void start(void) {
    dlopen("libdependent.so", RTLD_NOW);
    ready = 1;
}
