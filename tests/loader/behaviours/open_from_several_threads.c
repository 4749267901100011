// Several threads open the same library: its constructor runs once, and all of them see it done.
#include "behaviour.h"
//= libx.so
static int count, done;
__attribute__((constructor)) static void begin(void) { count++; for (int i = 0; i < 3; i++) usleep(1000); done = 1; }
int x(void) { return count * 10 + done; }
//= main
static pthread_barrier_t barrier;
static void *use(void *p) {
    pthread_barrier_wait(&barrier);
    void *x = dlopen("./libx.so", RTLD_NOW);
    return (void *)(intptr_t)call(x, "x");
}
int main(void) {
    pthread_t threads[6];
    pthread_barrier_init(&barrier, 0, 6);
    for (int i = 0; i < 6; i++) pthread_create(&threads[i], 0, use, 0);
    for (int i = 0; i < 6; i++) {
        void *result;
        pthread_join(threads[i], &result);
        SAY("%d\n", (int)(intptr_t)result);
    }
}
