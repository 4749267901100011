/*
 * Two Go runtimes in one process.
 *
 *     two_host LIBRARY_A LIBRARY_B [preempt]
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *open_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (library == NULL) fprintf(stderr, "%s\n", dlerror());
    return library;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    void *a = open_library(argv[1]), *b = open_library(argv[2]);
    if (a == NULL || b == NULL) return 2;
    printf("a_add: %d\n", ((int32_t (*)(int32_t, int32_t))dlsym(a, "a_add"))(1, 2));
    printf("b_add: %d\n", ((int32_t (*)(int32_t, int32_t))dlsym(b, "b_add"))(3, 4));
    printf("states: %s %s\n", ((char *(*)(void))dlsym(a, "a_state"))(), ((char *(*)(void))dlsym(b, "b_state"))());
    for (int i = 0; i < 3; i++) {
        printf("a_goroutines: %lld\n", (long long)((int64_t (*)(int32_t))dlsym(a, "a_goroutines"))(200));
        printf("b_goroutines: %lld\n", (long long)((int64_t (*)(int32_t))dlsym(b, "b_goroutines"))(300));
    }
    if (argc > 3 && strcmp(argv[3], "preempt") == 0) {
        /* The library that was loaded last owns SIGURG: the other one's loop runs to its end. */
        printf("b_preempted: %d\n", ((int32_t (*)(int64_t))dlsym(b, "b_preempted"))(INT64_C(1) << 40));
        printf("a_preempted: %d\n", ((int32_t (*)(int64_t))dlsym(a, "a_preempted"))(10 * 1000 * 1000));
    }
    return 0;
}
