/* blocked_host LIBRARY: opens it and calls its add(1, 2). */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

int main(int argc, char **argv) {
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    if (library == NULL) {
        fprintf(stderr, "%s\n", argc > 1 ? dlerror() : "usage: blocked_host LIBRARY");
        return 2;
    }
    puts("open");
    fflush(stdout);
    intptr_t (*add)(intptr_t, intptr_t) = (intptr_t (*)(intptr_t, intptr_t))dlsym(library, "add");
    printf("add: %ld\n", (long)add(1, 2));
    return 0;
}
