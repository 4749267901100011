/* ordering CASE: one thread writes "first", another later writes "then". The case says what is between them; the last ones
 * are pure luck. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_futex
#define SYS_futex SYS_futex_time64
#endif

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, other_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_barrier_t barrier;
static sem_t semaphore;
static atomic_int word;
static pthread_t one, two;

static void first(void) { (void)!write(1, "first\n", 6); }
static void then(void) { (void)!write(1, "then\n", 5); }
static void later(void) { usleep(20000); }

/* -- what the first thread does, and the second -- */

static void *in_mutex(void *unused) {
    pthread_mutex_lock(&mutex);
    first();
    word = 1;
    pthread_mutex_unlock(&mutex);
    return unused;
}
static void *out_of_mutex(void *unused) {
    for (int done = 0; !done; usleep(1000)) {
        pthread_mutex_lock(&mutex);
        done = word;
        pthread_mutex_unlock(&mutex);
    }
    then();
    return unused;
}

static void *signals_cond(void *unused) {
    later();
    first();
    pthread_mutex_lock(&mutex);
    word = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return unused;
}
static void *waits_for_cond(void *unused) {
    pthread_mutex_lock(&mutex);
    while (!word) pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    then();
    return unused;
}

static void *signals_bare_cond(void *unused) {
    later();
    first();
    pthread_cond_broadcast(&cond);
    return unused;
}
static void *waits_for_bare_cond(void *unused) {
    pthread_mutex_lock(&mutex);
    pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    then();
    return unused;
}

static void *posts(void *unused) {
    first();
    sem_post(&semaphore);
    return unused;
}
static void *posts_later(void *unused) {
    later();
    return posts(unused);
}
static void *takes(void *unused) {
    while (sem_wait(&semaphore)) { }
    then();
    return unused;
}
static void *takes_later(void *unused) {
    later();
    return takes(unused);
}

static void slow_first(void) {
    first();
    later();
}
static void *does_once(void *unused) {
    pthread_once(&once, slow_first);
    return unused;
}
static void *waits_for_once(void *unused) {
    usleep(1000);
    pthread_once(&once, slow_first);
    then();
    return unused;
}
static void *passes_once(void *unused) {
    usleep(100000);
    pthread_once(&once, slow_first);
    then();
    return unused;
}

static void *reads(void *unused) {
    pthread_rwlock_rdlock(&rwlock);
    first();
    pthread_rwlock_unlock(&rwlock);
    return unused;
}
static void *writes(void *unused) {
    pthread_rwlock_wrlock(&rwlock);
    first();
    pthread_rwlock_unlock(&rwlock);
    return unused;
}
static void *reads_later(void *unused) {
    later();
    pthread_rwlock_rdlock(&rwlock);
    then();
    pthread_rwlock_unlock(&rwlock);
    return unused;
}
static void *writes_later(void *unused) {
    later();
    pthread_rwlock_wrlock(&rwlock);
    then();
    pthread_rwlock_unlock(&rwlock);
    return unused;
}

static void *comes_to_barrier(void *unused) {
    first();
    pthread_barrier_wait(&barrier);
    return unused;
}
static void *leaves_barrier(void *unused) {
    pthread_barrier_wait(&barrier);
    then();
    return unused;
}

static void *only_first(void *unused) {
    first();
    return unused;
}
static void *joins(void *unused) {
    pthread_join(one, 0);
    then();
    return unused;
}
static void *joins_later(void *unused) {
    later();
    return joins(unused);
}
static void *only_then(void *unused) {
    then();
    return unused;
}
static void *creates(void *unused) {
    pthread_t child;
    first();
    pthread_create(&child, 0, only_then, 0);
    pthread_join(child, 0);
    return unused;
}
static void *nothing(void *unused) { return unused; }

static void on_signal(int number) { then(); }
static void *kills(void *unused) {
    later();
    first();
    pthread_kill(two, SIGUSR1);
    return unused;
}
static void *kills_process(void *unused) {
    later();
    first();
    kill(getpid(), SIGUSR1);
    return unused;
}
static void *is_signalled(void *unused) {
    pause();
    return unused;
}
static void *waits_for_signal(void *unused) {
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigwait(&set, &number);
    then();
    return unused;
}

static long futex(int operation, int value) { return syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, 0, 0, 0); }
static void *wakes(void *unused) {
    first();
    word = 1;
    futex(FUTEX_WAKE, INT_MAX);
    return unused;
}
static void *wakes_later(void *unused) {
    later();
    return wakes(unused);
}
static void *waits(void *unused) {
    futex(FUTEX_WAIT, 0);
    then();
    return unused;
}
static void *waits_late(void *unused) {
    later();
    return waits(unused);
}

static void *is_later(void *unused) {
    later();
    then();
    return unused;
}
static void *sees_flag(void *unused) {
    while (!word) { }
    then();
    return unused;
}
static void *sets_flag(void *unused) {
    first();
    word = 1;
    return unused;
}
static void *locks_another(void *unused) {
    later();
    pthread_mutex_lock(&other_mutex);
    then();
    pthread_mutex_unlock(&other_mutex);
    return unused;
}
static void *holds_for_long(void *unused) {
    pthread_mutex_lock(&mutex);
    first();
    usleep(200000);
    pthread_mutex_unlock(&mutex);
    return unused;
}
static void *gives_up(void *unused) {
    struct timespec limit;
    usleep(1000);
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_nsec += 50000000;
    if (limit.tv_nsec >= 1000000000) {
        limit.tv_sec++;
        limit.tv_nsec -= 1000000000;
    }
    if (pthread_mutex_timedlock(&mutex, &limit) == ETIMEDOUT) then();
    return unused;
}

static const struct { const char *name; void *(*first)(void *), *(*then)(void *); } cases[] = {
    {"mutex", in_mutex, out_of_mutex},
    {"condition", signals_cond, waits_for_cond},
    {"condition without its mutex", signals_bare_cond, waits_for_bare_cond},
    {"semaphore waited for", posts_later, takes},
    {"semaphore found posted", posts, takes_later},
    {"once waited for", does_once, waits_for_once},
    {"once found done", does_once, passes_once},
    {"writer then reader", writes, reads_later},
    {"reader then writer", reads, writes_later},
    {"barrier", comes_to_barrier, leaves_barrier},
    {"join", only_first, joins},
    {"join of one that is gone", only_first, joins_later},
    {"create", creates, nothing},
    {"signal to a thread", kills, is_signalled},
    {"signal to the process", kills_process, is_signalled},
    {"signal waited for", kills, waits_for_signal},
    {"futex waited for", wakes_later, waits},
    {"futex found changed", wakes, waits_late},
    {"lucky", only_first, is_later},
    {"lucky flag", sets_flag, sees_flag},
    {"lucky other mutex", in_mutex, locks_another},
    {"lucky readers", reads, reads_later},
    {"lucky time limit", holds_for_long, gives_up},
};

int main(int argc, char **argv) {
    for (unsigned i = 0; argc > 1 && i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(cases[i].name, argv[1])) continue;
        int waits_by_sigwait = cases[i].then == waits_for_signal;
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        pthread_sigmask(SIG_BLOCK, &set, 0);   /* for main and the first thread */
        signal(SIGUSR1, on_signal);
        pthread_barrier_init(&barrier, 0, 2);
        sem_init(&semaphore, 0, 0);
        pthread_create(&one, 0, cases[i].first, 0);
        if (!waits_by_sigwait) pthread_sigmask(SIG_UNBLOCK, &set, 0);
        pthread_create(&two, 0, cases[i].then, 0);
        pthread_sigmask(SIG_BLOCK, &set, 0);
        if (cases[i].then != joins && cases[i].then != joins_later) pthread_join(one, 0);
        pthread_join(two, 0);
        return 0;
    }
    fprintf(stderr, "usage: ordering CASE\n");
    return 2;
}
