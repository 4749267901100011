// An opened library with initial-exec access takes surplus static TLS; threads that already run get its image.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so -ftls-model=initial-exec
__thread int value = 11;
__thread int *pointer = &(int){5};
int next(void) { return value++ + *pointer; }
//= main
static int (*next)(void);
static pthread_barrier_t barrier;
static void *use(void *p) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    SAY("%d %d\n", next(), next());
    return p;
}
int main(void) {
    pthread_t old[2];
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&old[0], 0, use, 0);
    pthread_barrier_wait(&barrier);
    next = dlsym(must_open("./libx.so", RTLD_NOW), "next");
    SAY("%d\n", next());
    pthread_barrier_wait(&barrier);
    pthread_join(old[0], 0);
    SAY("%d\n", next());
}
