/*
 * Has thread-local variables of its own, initialised and not, one aligned to 64 bytes, beside a Go library and its
 * thread-local g. Each of several threads checks that nobody else's calls change its copies.
 *
 *     tls_host LIBRARY        (behaviour)
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__thread int initialised = 0x1234;
__thread char text[] = "thread-local text";
__thread long zeroed[20];
__thread struct {
    char bytes[100];
} aligned __attribute__((aligned(64)));

static int32_t (*add32)(int32_t, int32_t);
static int64_t (*goroutines)(int32_t);

static int wrong(int number) {
    if (initialised != 0x1234 + number) return 1;
    if (strcmp(text, "thread-local text") != 0) return 2;
    for (int i = 0; i < 20; i++)
        if (zeroed[i] != number * i) return 3;
    if ((uintptr_t)&aligned % 64 != 0) return 4;
    for (int i = 0; i < 100; i++)
        if (aligned.bytes[i] != (char)number) return 5;
    return 0;
}

static void *check(void *argument) {
    int number = (int)(intptr_t)argument;
    if (initialised != 0x1234 || zeroed[7] != 0 || aligned.bytes[99] != 0) return "not fresh";
    initialised = add32(initialised, number);
    for (int i = 0; i < 20; i++) zeroed[i] = number * i;
    memset(&aligned, number, sizeof aligned);
    for (int round = 0; round < 20; round++) {
        if (goroutines(20) != 2470) return "goroutines";
        if (wrong(number)) return "changed";
    }
    return NULL;
}

int main(int argc, char **argv) {
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    if (library == NULL) {
        fprintf(stderr, "%s\n", argc > 1 ? dlerror() : "usage: tls_host LIBRARY");
        return 2;
    }
    add32 = (int32_t (*)(int32_t, int32_t))dlsym(library, "add32");
    goroutines = (int64_t (*)(int32_t))dlsym(library, "goroutines");
    pthread_t threads[6];
    for (intptr_t i = 0; i < 6; i++)
        if (pthread_create(&threads[i], NULL, check, (void *)(i + 1)) != 0) abort();
    for (int i = 0; i < 6; i++) {
        void *words;
        pthread_join(threads[i], &words);
        printf("thread %d: %s\n", i + 1, words ? (char *)words : "fine");
    }
    printf("main: %s\n", check(0) ? "wrong" : "fine");
    return 0;
}
