/* Stands in front of the C library: whoever makes a thread waits a while for it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <time.h>

typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument) {
    create *real = (create *)dlsym(RTLD_NEXT, "pthread_create");
    int error = real(thread, attributes, routine, argument);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return error;
}
