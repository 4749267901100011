/*
 * Does what the scenarios' host scripts do, with the C library that it finds: opens libraries, calls functions, closes.
 *
 *     scenario_host open LIBRARY | close | FUNCTION=NUMBER,NUMBER … | threads FUNCTION=NUMBER …
 *
 * Functions are looked for in the library opened last; each call's result is a line. The calls behind `threads` are made
 * by a thread each, all at once, and printed in their order.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *library;

static void *call(void *argument) {
    char *name = argument, *numbers = strchr(name, '=');
    long one = 0, other = 0;
    *numbers++ = '\0';
    sscanf(numbers, "%ld,%ld", &one, &other);
    long (*function)(long, long) = (long (*)(long, long))dlsym(library, name);
    return function ? (void *)function(one, other) : (void *)-1L;
}

int main(int argc, char **argv) {
    pthread_t threads[8];
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "open") == 0) {
            library = dlopen(argv[++i], RTLD_NOW | RTLD_GLOBAL);
            if (library == NULL) return fprintf(stderr, "%s\n", dlerror()), 2;
        } else if (strcmp(argv[i], "close") == 0) {
            printf("close: %d\n", dlclose(library));
        } else if (strcmp(argv[i], "threads") == 0) {
            int count = argc - ++i;
            for (int t = 0; t < count; t++) pthread_create(&threads[t], NULL, call, argv[i + t]);
            for (int t = 0; t < count; t++) {
                void *result;
                pthread_join(threads[t], &result);
                printf("%ld\n", (long)result);
            }
            i += count;
        } else {
            printf("%ld\n", (long)call(argv[i]));
        }
    }
    return 0;
}
