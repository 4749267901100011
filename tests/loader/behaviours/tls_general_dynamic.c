// General-dynamic variables of an opened library: an image for each thread, old and new.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so -ftls-model=global-dynamic
__thread int counted = 40;
__thread char zeroed[100];
int *count(void) { counted++; return &counted; }
int zeroes(void) { int sum = 0; for (int i = 0; i < 100; i++) sum += zeroed[i]; zeroed[7] = 1; return sum; }
//= main
static int *(*count)(void);
static int (*zeroes)(void);
static pthread_barrier_t barrier;
static void *use(void *main_address) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    int *mine = count();
    SAY("%d %d %d %d\n", *mine, zeroes(), zeroes(), main_address == mine);
    return mine;
}
int main(void) {
    pthread_t old;
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&old, 0, use, 0);
    pthread_barrier_wait(&barrier);
    void *x = must_open("./libx.so", RTLD_NOW);
    count = dlsym(x, "count");
    zeroes = dlsym(x, "zeroes");
    SAY("%d %d\n", *count(), *count());
    pthread_barrier_wait(&barrier);
    pthread_join(old, 0);
    pthread_barrier_init(&barrier, 0, 1);
    in_thread(use, count());
    SAY("%d\n", *count());
}
