/* The constructor starts a thread that fills a table; lookup reads it, and waits for nothing unless built with -DWAITS. */
#include <pthread.h>
#include <unistd.h>

static int table[16];
static pthread_t filler;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int filled;

static void *fill(void *unused) {
    for (int i = 0; i < 16; i++) table[i] = i * i;
    (void)!write(1, "filled\n", 7);
#ifdef WAITS
    pthread_mutex_lock(&mutex);
    filled = 1;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
#endif
    return unused;
}

__attribute__((constructor)) static void start(void) { pthread_create(&filler, 0, fill, 0); }

int lookup(int index) {
#ifdef WAITS
    pthread_mutex_lock(&mutex);
    while (!filled) pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
#endif
    (void)!write(1, "looked up\n", 10);
    return table[index];
}
