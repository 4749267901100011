/* While one thread iterates and asks dladdr in the callback, another opens a library. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

static sem_t inside;
static int ask(struct dl_phdr_info *info, size_t size, void *unused) {
    Dl_info found;
    sem_post(&inside);
    usleep(1000);
    dladdr((void *)ask, &found);
    return 1;
}
static void *iterate(void *unused) {
    dl_iterate_phdr(ask, 0);
    return 0;
}
int open_while_iterating(const char *path) {
    pthread_t thread;
    sem_init(&inside, 0, 0);
    pthread_create(&thread, 0, iterate, 0);
    sem_wait(&inside);
    void *found = dlopen(path, RTLD_NOW);
    pthread_join(thread, 0);
    return found != 0;
}
