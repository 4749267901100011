/* A library that opens another at its first call: what the 2013 design of Go's shared libraries came to, for hosts that must
 * not wait while they load. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

static const char *path;
static intptr_t (*add)(intptr_t, intptr_t);
static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void open_library(void) {
    void *library = dlopen(path, RTLD_NOW);
    if (library != NULL) add = (intptr_t (*)(intptr_t, intptr_t))dlsym(library, "add");
    else fprintf(stderr, "%s\n", dlerror());
}

intptr_t lazy_add(const char *library, intptr_t a, intptr_t b) {
    path = library;
    pthread_once(&opened, open_library);
    return add != NULL ? add(a, b) : -1;
}
