// More modules than a new thread's DTV has entries: it grows, in old and new threads.
#include "behaviour.h"
//= also armv5-gnueabi
//= libm.so
__thread int value = 1;
int next(void) { return value++; }
//= copies libm.so 150
//= main
static int (*next[150])(void);
static pthread_barrier_t barrier;
static int sum(void) { int sum = 0; for (int i = 0; i < 150; i++) sum += next[i](); return sum; }
static void *use(void *p) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    SAY("%d %d\n", sum(), sum());
    return p;
}
int main(void) {
    pthread_t old;
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&old, 0, use, 0);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 150; i++) {
        char name[32];
        sprintf(name, "./libm%03d.so", i);
        void *m = dlopen(name, RTLD_NOW);
        if (!m) return SAY("%s\n", dlerror());
        next[i] = dlsym(m, "next");
        if (i % 40 == 0) next[i]();
    }
    SAY("%d\n", sum());
    pthread_barrier_wait(&barrier);
    pthread_join(old, 0);
    pthread_barrier_init(&barrier, 0, 1);
    in_thread(use, 0);
    SAY("%d\n", sum());
}
