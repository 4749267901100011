// TLS descriptors of opened libraries: a small one may get static TLS, a large one is dynamic.
#include "behaviour.h"
//= targets amd64-gnu armv7-gnueabihf
//= libsmall.so cc=gcc -mtls-dialect=gnu2
__thread int small = 3;
int *next(void) { small++; return &small; }
//= liblarge.so cc=gcc -mtls-dialect=gnu2
__thread int large[5000] = {[4999] = 9};
static __thread int own = 2;
int *next(void) { large[4999] += own++; return &large[4999]; }
//= main
static int *(*small)(void), *(*large)(void);
static pthread_barrier_t barrier;
static void *use(void *p) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    SAY("%d %d %d %d\n", *small(), *large(), *large(), *small());
    return p;
}
int main(void) {
    pthread_t old;
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&old, 0, use, 0);
    pthread_barrier_wait(&barrier);
    small = dlsym(must_open("./libsmall.so", RTLD_NOW), "next");
    large = dlsym(must_open("./liblarge.so", RTLD_NOW), "next");
    SAY("%d %d\n", *small(), *large());
    pthread_barrier_wait(&barrier);
    pthread_join(old, 0);
    pthread_barrier_init(&barrier, 0, 1);
    in_thread(use, 0);
    SAY("%d %d\n", *small(), *large());
}
