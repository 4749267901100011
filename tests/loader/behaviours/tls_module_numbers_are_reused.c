// A library opened again after it was closed gets a fresh image, in threads that had a block of it too.
#include "behaviour.h"
//= libx.so
__thread int value = 5;
int next(void) { return value++; }
//= main
static pthread_barrier_t barrier;
static int (*next)(void);
static size_t first;
static void *use(void *p) {
    for (int i = 0; i < 3; i++) {
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        SAY("there %d %d\n", next(), next());
        pthread_barrier_wait(&barrier);
    }
    return p;
}
int main(void) {
    pthread_t thread;
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&thread, 0, use, 0);
    for (int i = 0; i < 3; i++) {
        pthread_barrier_wait(&barrier);
        void *x = must_open("./libx.so", RTLD_NOW);
        next = dlsym(x, "next");
        SAY("here %d %d\n", next(), next());
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        size_t module;
        dlinfo(x, RTLD_DI_TLS_MODID, &module);
        if (!first) first = module;
        SAY("the same module %d, closed %d\n", module == first, dlclose(x));
    }
    pthread_join(thread, 0);
}
