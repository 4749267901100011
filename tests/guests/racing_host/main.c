/* racing_host LIBRARY handed|lucky: a thread calls the library's set, another its get, one after the other. With "handed" the
 * first passes a mutex and a condition to the second; with "lucky" the second just comes later. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int (*set)(int, int), (*get)(int);
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ready, handed, answer;

static void *first(void *unused) {
    set(1, 42);
    if (!handed) return unused;
    pthread_mutex_lock(&mutex);
    ready = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void *second(void *unused) {
    if (handed) {
        pthread_mutex_lock(&mutex);
        while (!ready) pthread_cond_wait(&cond, &mutex);
        pthread_mutex_unlock(&mutex);
    } else {
        usleep(50000);
    }
    answer = get(1);
    return unused;
}

int main(int argc, char **argv) {
    void *library = argc > 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
    if (library == NULL) {
        fprintf(stderr, "%s\n", argc > 2 ? dlerror() : "usage: racing_host LIBRARY handed|lucky");
        return 2;
    }
    set = (int (*)(int, int))dlsym(library, "set");
    get = (int (*)(int))dlsym(library, "get");
    handed = strcmp(argv[2], "handed") == 0;
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, first, NULL);
    pthread_create(&threads[1], NULL, second, NULL);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    printf("get: %d\n", answer);
    return 0;
}
