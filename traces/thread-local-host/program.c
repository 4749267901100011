/* Two threads, one made before the library is opened and one after, each with its own copies of thread-local variables. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>

static __thread long counter = 1000;
static __thread struct {
    char bytes[64];
} room __attribute__((aligned(64)));

static long (*add)(long, long);
static sem_t ready;

static void *count(void *number) {
    if (number == NULL) sem_wait(&ready);
    for (long i = 0; i < 3; i++) counter = add(counter, i);
    room.bytes[63] = (char)counter;
    return (void *)((uintptr_t)&room % 64 == 0 && counter == 1003 && room.bytes[63] == (char)1003 ? 1L : 0L);
}

int main(void) {
    pthread_t before, after;
    void *fine[2];
    sem_init(&ready, 0, 0);
    pthread_create(&before, NULL, count, NULL);
    void *library = dlopen("libhello.so", RTLD_NOW);
    if (library == NULL) return 2;
    add = (long (*)(long, long))dlsym(library, "add");
    sem_post(&ready);
    pthread_create(&after, NULL, count, &ready);
    pthread_join(before, &fine[0]);
    pthread_join(after, &fine[1]);
    return fine[0] && fine[1] && counter == 1000 ? 0 : 1;
}
