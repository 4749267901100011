/* Everything a dynamic linker has to order: a preinit array, libraries linked and opened, a thread, dlclose, exit. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

int orderly_a_seen(void);
int orderly_b_count(void);

static volatile int before_all;

static void early(void) { before_all = 1; }
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = early;
__attribute__((constructor)) static void start(void) { before_all++; }

static void *work(void *unused) { return (void *)(long)orderly_b_count(); }

int main(int argc, char **argv) {
    pthread_t thread;
    void *counted;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, &counted);
    void *late = dlopen(argv[1], RTLD_NOW);
    if (late == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
    int (*seen)(void) = (int (*)(void))dlsym(late, "orderly_late_seen");
    printf("%d %d %ld %d\n", before_all, orderly_a_seen(), (long)counted, seen());
    return dlclose(late);
}
