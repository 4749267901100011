/* Functions that do not come back, each in its own way. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

int add(int a, int b) { return a + b; }

int read_null(void) { return *(volatile int *)8; }
void write_null(void) { *(volatile int *)8 = 1; }
void write_code(void) { *(volatile char *)&add = 1; }
int jump_nowhere(void) { return ((int (*)(void))0x10)(); }
void end_by_abort(void) { abort(); }
void trap(void) { __builtin_trap(); }
void end_by_raise(void) { raise(SIGTERM); }
void leave(int status) { exit(status); }

static int deeper(volatile int depth) {
    volatile char frame[4096];
    frame[depth % 4096] = (char)depth;
    return deeper(depth + 1) + frame[(depth + 1) % 4096];
}
int overflow(void) { return deeper(0); }

volatile int turns;
void spin(void) {
    for (;;) turns++;
}

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *other_way(void *unused) {
    (void)unused;
    pthread_mutex_lock(&second);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&first);
    return NULL;
}

/* Two threads take two mutexes in opposite orders. */
void deadlock(void) {
    pthread_t thread;
    pthread_barrier_init(&both, NULL, 2);
    if (pthread_create(&thread, NULL, other_way, NULL) != 0) abort();
    pthread_mutex_lock(&first);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&second);
}

void lock_twice(void) {
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&first);
}

static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
void wait_for_ever(void) {
    pthread_mutex_lock(&first);
    for (;;) pthread_cond_wait(&never, &first);
}
