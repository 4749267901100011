// Threads that make the first call at the same time, and a first call in a signal handler.
#include "behaviour.h"
//= libx.so
int x(int n) { return n * 2; }
int y(int n) { return n * 3; }
//= main needs=libx.so -Wl,-z,lazy
int x(int);
int y(int);
static pthread_barrier_t barrier;
static volatile int handled;
static void *use(void *n) { pthread_barrier_wait(&barrier); return (void *)(intptr_t)x((int)(intptr_t)n); }
static void handler(int s) { handled = y(s); }
int main(void) {
    pthread_t threads[4];
    pthread_barrier_init(&barrier, 0, 4);
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, use, (void *)(intptr_t)i);
    for (int i = 0; i < 4; i++) {
        void *r;
        pthread_join(threads[i], &r);
        SAY("%d\n", (int)(intptr_t)r);
    }
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    SAY("%d\n", handled == 3 * SIGUSR1);
}
