/* pthreads: every kind of object, with the answers POSIX asks for. Prints the same wherever it runs. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

static const char *name(int e) {
    switch (e) {
    case 0: return "ok";
    case EBUSY: return "EBUSY";
    case EDEADLK: return "EDEADLK";
    case EPERM: return "EPERM";
    case ETIMEDOUT: return "ETIMEDOUT";
    case EINVAL: return "EINVAL";
    case ESRCH: return "ESRCH";
    case EAGAIN: return "EAGAIN";
    default: return "?";
    }
}

static struct timespec in_ms(clockid_t clock, long ms) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* -- counting under every kind of mutex -- */
static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
#ifdef __GLIBC__
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static void make_mutexes(void) { }
#else
static pthread_mutex_t recursive, checking, adaptive;
static void make_mutex(pthread_mutex_t *m, int type) {
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, type);
    pthread_mutex_init(m, &a);
}
static void make_mutexes(void) {
    make_mutex(&recursive, PTHREAD_MUTEX_RECURSIVE);
    make_mutex(&checking, PTHREAD_MUTEX_ERRORCHECK);
    make_mutex(&adaptive, PTHREAD_MUTEX_NORMAL);
}
#endif
static long counter;

static void *count(void *m) {
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(m);
        long c = counter;
        if (i % 16 == 0) sched_yield();
        counter = c + 1;
        pthread_mutex_unlock(m);
    }
    return (void *)(uintptr_t)7;
}
static void mutexes(void) {
    pthread_mutex_t *all[] = {&plain, &recursive, &checking, &adaptive};
    for (int k = 0; k < 4; k++) {
        pthread_t t[8];
        counter = 0;
        for (int i = 0; i < 8; i++) pthread_create(&t[i], 0, count, all[k]);
        long sum = 0;
        for (int i = 0; i < 8; i++) {
            void *r;
            pthread_join(t[i], &r);
            sum += (long)(intptr_t)r;
        }
        SAY("mutex %d: %ld, results %ld\n", k, counter, sum);
    }
    SAY("trylock free: %s", name(pthread_mutex_trylock(&plain)));
    SAY(", held: %s\n", name(pthread_mutex_trylock(&plain)));
    struct timespec t = in_ms(CLOCK_REALTIME, 20);
    SAY("timedlock: %s\n", name(pthread_mutex_timedlock(&plain, &t)));
    t.tv_nsec = 2000000000;
    SAY("timedlock with a bad time: %s\n", name(pthread_mutex_timedlock(&plain, &t)));
    SAY("destroy held: %s\n", name(pthread_mutex_destroy(&plain)));
    pthread_mutex_unlock(&plain);
    SAY("recursive: %s %s", name(pthread_mutex_lock(&recursive)), name(pthread_mutex_lock(&recursive)));
    SAY(" %s", name(pthread_mutex_trylock(&recursive)));
    for (int i = 0; i < 4; i++) SAY(" %s", name(pthread_mutex_unlock(&recursive)));
    SAY("\nchecking: %s", name(pthread_mutex_lock(&checking)));
    SAY(" %s %s", name(pthread_mutex_lock(&checking)), name(pthread_mutex_trylock(&checking)));
    SAY(" %s", name(pthread_mutex_unlock(&checking)));
    SAY(" %s\n", name(pthread_mutex_unlock(&checking)));
    pthread_mutexattr_t a;
    int type = -1;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_gettype(&a, &type);
    SAY("attr: type %d", type);
    SAY(" set %s", name(pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK)));
    pthread_mutexattr_gettype(&a, &type);
    SAY(" type %d bad %s", type, name(pthread_mutexattr_settype(&a, 99)));
    pthread_mutex_t m;
    pthread_mutex_init(&m, &a);
    pthread_mutex_lock(&m);
    SAY(" relock %s\n", name(pthread_mutex_lock(&m)));
    pthread_mutex_unlock(&m);
    pthread_mutex_destroy(&m);
}

/* -- robust mutexes: the owner ends without unlocking -- */
static void *hold_and_end(void *m) { return (void *)(intptr_t)pthread_mutex_lock(m); }
static const char *robust_name(int e) { return e == EOWNERDEAD ? "EOWNERDEAD" : e == ENOTRECOVERABLE ? "ENOTRECOVERABLE" : name(e); }
static void *lock_and_say(void *m) {
    int e = pthread_mutex_lock(m);
    if (e == EOWNERDEAD) pthread_mutex_unlock(m);
    return (void *)(intptr_t)e;
}
static void robust(void) {
    pthread_mutexattr_t a;
    pthread_mutex_t m;
    pthread_t t[3];
    pthread_mutexattr_init(&a);
    SAY("robust: %s", name(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST)));
    pthread_mutex_init(&m, &a);
    pthread_create(&t[0], 0, hold_and_end, &m);
    pthread_join(t[0], 0);
    SAY(" %s", robust_name(pthread_mutex_lock(&m)));
    SAY(" %s", name(pthread_mutex_consistent(&m)));
    SAY(" %s", name(pthread_mutex_unlock(&m)));
    SAY(" %s", name(pthread_mutex_trylock(&m)));
    SAY(" %s", name(pthread_mutex_unlock(&m)));
    SAY(" %s;", name(pthread_mutex_unlock(&m)));
    pthread_create(&t[0], 0, hold_and_end, &m);
    pthread_join(t[0], 0);
    int dead = 0, lost = 0;
    for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, lock_and_say, &m);
    for (int i = 0; i < 3; i++) {
        void *r;
        pthread_join(t[i], &r);
        dead += (intptr_t)r == EOWNERDEAD;
        lost += (intptr_t)r == ENOTRECOVERABLE;
    }
    SAY(" given up %d, lost %d, %s\n", dead, lost, robust_name(pthread_mutex_trylock(&m)));
}

/* -- conditions: a bounded queue between producers and consumers -- */
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static int queue[4], filled, taken_sum, produced;

static void *produce(void *n) {
    for (int i = 1; i <= 100; i++) {
        pthread_mutex_lock(&plain);
        while (filled == 4) pthread_cond_wait(&not_full, &plain);
        queue[filled++] = i * (int)(intptr_t)n;
        produced++;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&plain);
    }
    return 0;
}
static void *consume(void *unused) {
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&plain);
        while (filled == 0) pthread_cond_wait(&not_empty, &plain);
        taken_sum += queue[--filled];
        pthread_cond_signal(&not_full);
        pthread_mutex_unlock(&plain);
    }
    return 0;
}
static int waiting, go;
static void *wait_for_go(void *unused) {
    pthread_mutex_lock(&plain);
    waiting++;
    pthread_cond_signal(&not_full);
    while (!go) pthread_cond_wait(&not_empty, &plain);
    waiting--;
    pthread_mutex_unlock(&plain);
    return 0;
}
static void conditions(void) {
    pthread_t t[8];
    for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, produce, (void *)(intptr_t)(i + 1));
    for (int i = 4; i < 8; i++) pthread_create(&t[i], 0, consume, 0);
    for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
    SAY("queue: %d produced, sum %d, left %d\n", produced, taken_sum, filled);
    for (int i = 0; i < 5; i++) pthread_create(&t[i], 0, wait_for_go, 0);
    pthread_mutex_lock(&plain);
    while (waiting < 5) pthread_cond_wait(&not_full, &plain);
    go = 1;
    pthread_cond_broadcast(&not_empty);
    pthread_mutex_unlock(&plain);
    for (int i = 0; i < 5; i++) pthread_join(t[i], 0);
    SAY("broadcast: %d left\n", waiting);
    for (int k = 0; k < 2; k++) {
        clockid_t clock = k ? CLOCK_MONOTONIC : CLOCK_REALTIME, got = -1;
        pthread_condattr_t a;
        pthread_condattr_init(&a);
        pthread_condattr_setclock(&a, clock);
        pthread_condattr_getclock(&a, &got);
        pthread_cond_t c;
        pthread_cond_init(&c, &a);
        struct timespec before = in_ms(clock, 0), limit = in_ms(clock, 30), after;
        pthread_mutex_lock(&plain);
        int e = pthread_cond_timedwait(&c, &plain, &limit);
        after = in_ms(clock, 0);
        double waited = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
        SAY("timedwait: %s, long enough %d, clock %d, mutex %s\n", name(e), waited >= 0.029, got == clock, name(pthread_mutex_trylock(&plain)));
        pthread_mutex_unlock(&plain);
        pthread_cond_destroy(&c);
    }
}

/* -- once and keys -- */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int runs;
static void run_once(void) { struct timespec t = {0, 1000000}; nanosleep(&t, 0); runs++; }
static void *call_once_(void *unused) { pthread_once(&once, run_once); return (void *)(intptr_t)runs; }

static pthread_key_t key, again;
static int destroyed, rounds;
static void destroy(void *v) { __atomic_fetch_add(&destroyed, *(int *)v, __ATOMIC_SEQ_CST); free(v); }
static void come_back(void *v) { rounds++; pthread_setspecific(again, v); }
static void *use_key(void *n) {
    int *v = malloc(sizeof *v);
    *v = (int)(intptr_t)n;
    void *before = pthread_getspecific(key);
    pthread_setspecific(key, v);
    return before ? 0 : (void *)(intptr_t)(pthread_getspecific(key) == v);
}
static void *use_again(void *n) { pthread_setspecific(again, n); return 0; }
static void keys(void) {
    pthread_t t[4];
    int fine = 0;
    for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, call_once_, 0);
    for (int i = 0; i < 4; i++) {
        void *r;
        pthread_join(t[i], &r);
        fine += r == (void *)1;
    }
    SAY("once: %d run, %d saw it\n", runs, fine);
    pthread_key_create(&key, destroy);
    fine = 0;
    for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, use_key, (void *)(intptr_t)(i + 1));
    for (int i = 0; i < 4; i++) {
        void *r;
        pthread_join(t[i], &r);
        fine += r == (void *)1;
    }
    SAY("key: %d fine, destroyed %d, here %p\n", fine, destroyed, pthread_getspecific(key) ? (void *)1 : (void *)0);
    pthread_key_create(&again, come_back);
    pthread_create(&t[0], 0, use_again, &key);
    pthread_join(t[0], 0);
    SAY("destructor rounds: %d\n", rounds);
    SAY("delete: %s", name(pthread_key_delete(key)));
    SAY(" %s\n", name(pthread_setspecific(key, &key)));
    pthread_key_t many[200];
    int made = 0;
    for (int i = 0; i < 200; i++) made += pthread_key_create(&many[i], 0) == 0;
    int kept = 0;
    for (int i = 0; i < 200; i++) pthread_setspecific(many[i], &many[i]);
    for (int i = 0; i < 200; i++) kept += pthread_getspecific(many[i]) == &many[i];
    SAY("many keys: %d made, %d kept\n", made, kept);
    pthread_key_delete(many[150]);
    pthread_key_create(&many[150], 0);
    SAY("a key used anew: %p\n", pthread_getspecific(many[150]) ? (void *)1 : (void *)0);
}

/* -- read-write locks, barriers, semaphores, spin locks -- */
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t sem;
static pthread_spinlock_t spin;
static int shared, serial, order_errors, stage[4];

static void *readers_and_writers(void *n) {
    for (int i = 0; i < 200; i++)
        if ((i + (intptr_t)n) % 5 == 0) {
            pthread_rwlock_wrlock(&rw);
            int v = shared;
            if (i % 20 == 0) sched_yield();
            shared = v + 1;
            pthread_rwlock_unlock(&rw);
        } else {
            pthread_rwlock_rdlock(&rw);
            int v = shared;
            if (i % 32 == 0) sched_yield();
            if (v != shared) order_errors++;
            pthread_rwlock_unlock(&rw);
        }
    return 0;
}
static void *at_barrier(void *n) {
    for (int round = 0; round < 10; round++) {
        stage[(intptr_t)n] = round;
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
        for (int i = 0; i < 4; i++)
            if (stage[i] < round) __atomic_fetch_add(&order_errors, 1, __ATOMIC_SEQ_CST);
        pthread_barrier_wait(&barrier);
    }
    return 0;
}
static void *post(void *n) {
    for (int i = 0; i < 50; i++) {
        sem_post(&sem);
        pthread_spin_lock(&spin);
        shared++;
        pthread_spin_unlock(&spin);
    }
    return 0;
}
static void *try_rw(void *unused) {
    static int r[2];
    r[0] = pthread_rwlock_tryrdlock(&rw);
    r[1] = pthread_rwlock_trywrlock(&rw);
    if (!r[0]) pthread_rwlock_unlock(&rw);
    return r;
}
static void others(void) {
    pthread_t t[4];
    void *r;
    for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, readers_and_writers, (void *)(intptr_t)i);
    for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
    SAY("rwlock: %d written, %d errors\n", shared, order_errors);
    pthread_rwlock_rdlock(&rw);
    pthread_create(&t[0], 0, try_rw, 0);
    pthread_join(t[0], &r);
    SAY("read-held: read %s write %s\n", name(((int *)r)[0]), name(((int *)r)[1]));
    pthread_rwlock_unlock(&rw);
    pthread_rwlock_wrlock(&rw);
    pthread_create(&t[0], 0, try_rw, 0);
    pthread_join(t[0], &r);
    struct timespec soon = in_ms(CLOCK_REALTIME, 10);
    SAY("write-held: read %s write %s, relock %s, timed %s\n", name(((int *)r)[0]), name(((int *)r)[1]), name(pthread_rwlock_wrlock(&rw)),
        name(pthread_rwlock_timedrdlock(&rw, &soon) ? ETIMEDOUT : 0));
    pthread_rwlock_unlock(&rw);
    pthread_barrier_init(&barrier, 0, 4);
    for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, at_barrier, (void *)(intptr_t)i);
    for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
    SAY("barrier: %d serial, %d errors, destroy %s\n", serial, order_errors, name(pthread_barrier_destroy(&barrier)));
    sem_init(&sem, 0, 3);
    pthread_spin_init(&spin, 0);
    shared = 0;
    for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, post, 0);
    for (int i = 0; i < 203; i++) sem_wait(&sem);
    for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
    int value = -1;
    sem_getvalue(&sem, &value);
    int tried = sem_trywait(&sem), why = errno;
    soon = in_ms(CLOCK_REALTIME, 10);
    int timed = sem_timedwait(&sem, &soon);
    SAY("semaphore: %d, try %d %s, timed %d %s; spin %d\n", value, tried, name(why), timed, name(errno), shared);
    sem_t *named = sem_open("/emuload-test", O_CREAT, 0600, 1);
    SAY("named semaphore: %d", named != SEM_FAILED && sem_wait(named) == 0);
    SAY(" %d %d\n", sem_close(named), sem_unlink("/emuload-test"));
}

/* -- the life of a thread -- */
static __thread int local = 5;
static __thread char big[4096];
static void *look(void *out) {
    pthread_attr_t a;
    void *stack;
    size_t size, guard;
    pthread_getattr_np(pthread_self(), &a);
    pthread_attr_getstack(&a, &stack, &size);
    pthread_attr_getguardsize(&a, &guard);
    char here;
    *(int *)out = &here > (char *)stack && &here < (char *)stack + size;
    int before = local;
    local = 9;
    big[4000] = 1;
    pthread_attr_destroy(&a);
    return (void *)(intptr_t)before;
}
static void *leave(void *unused) { pthread_exit((void *)11); }
static void *sleep_long(void *unused) {
    struct timespec t = {0, 60000000};
    nanosleep(&t, 0);
    return (void *)3;
}
static sem_t done;
static void *post_done(void *unused) { sem_post(&done); return 0; }
static void life(void) {
    pthread_t t;
    pthread_attr_t a;
    void *r;
    int inside = 0, state = -1;
    size_t size;
    pthread_attr_init(&a);
    pthread_attr_getdetachstate(&a, &state);
    SAY("attr: joinable %d, small stack %s", state == PTHREAD_CREATE_JOINABLE, name(pthread_attr_setstacksize(&a, 100)));
    pthread_attr_setstacksize(&a, 256 * 1024);
    pthread_attr_getstacksize(&a, &size);
    SAY(", size %d\n", (int)size);
    pthread_create(&t, &a, look, &inside);
    pthread_join(t, &r);
    SAY("on its stack %d, thread-local %d here %d\n", inside, (int)(intptr_t)r, local);
    char *own = aligned_alloc(4096, 256 * 1024);
    pthread_attr_setstack(&a, own, 256 * 1024);
    pthread_create(&t, &a, look, &inside);
    pthread_join(t, &r);
    SAY("on a stack of the program %d\n", inside);
    free(own);
    look(&inside);
    SAY("main stack %d\n", inside);
    pthread_create(&t, 0, leave, 0);
    pthread_join(t, &r);
    SAY("pthread_exit: %d\n", (int)(intptr_t)r);
    pthread_create(&t, 0, sleep_long, 0);
    SAY("tryjoin: %s", name(pthread_tryjoin_np(t, &r)));
    struct timespec soon = in_ms(CLOCK_REALTIME, 10);
    SAY(" timedjoin: %s", name(pthread_timedjoin_np(t, &r, &soon)));
    pthread_join(t, &r);
    SAY(" join: %d\n", (int)(intptr_t)r);
    SAY("join self: %s\n", name(pthread_join(pthread_self(), 0)));
    sem_init(&done, 0, 0);
    pthread_attr_t d;
    pthread_attr_init(&d);
    pthread_attr_setdetachstate(&d, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 20; i++) {
        if (pthread_create(&t, &d, post_done, 0)) SAY("create failed\n");
    }
    for (int i = 0; i < 20; i++) sem_wait(&done);
    pthread_create(&t, 0, post_done, 0);
    SAY("detach: %s\n", name(pthread_detach(t)));
    sem_wait(&done);
    char text[16] = "";
    pthread_setname_np(pthread_self(), "a name");
    pthread_getname_np(pthread_self(), text, sizeof text);
    SAY("name: %s, too long: %d\n", text, pthread_setname_np(pthread_self(), "a name that is too long") == ERANGE);
    SAY("equal: %d\n", pthread_equal(pthread_self(), pthread_self()) != 0);
}

/* -- cancellation -- */
static pthread_mutex_t guarded = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static char trail[64];
static void note(void *c) { strcat(trail, c); }
static void unlock(void *m) { strcat(trail, pthread_mutex_unlock(m) ? "?" : "u"); }
static void *wait_forever(void *unused) {
    pthread_cleanup_push(note, "a");
    pthread_cleanup_push(note, "b");
    pthread_mutex_lock(&guarded);
    pthread_cleanup_push(unlock, &guarded);
    sem_post(&done);
    for (;;) pthread_cond_wait(&never, &guarded);
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(1);
    return 0;
}
static void *sleep_forever(void *unused) {
    pthread_cleanup_push(note, "s");
    sem_post(&done);
    for (;;) sleep(1000);
    pthread_cleanup_pop(0);
    return 0;
}
static void *read_forever(void *fd) {
    char c;
    sem_post(&done);
    for (;;)
        if (read(*(int *)fd, &c, 1) < 0) return 0;
    return 0;
}
static void *not_now(void *unused) {
    int old = -1;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    sem_post(&done);
    struct timespec t = {0, 20000000};
    nanosleep(&t, 0);
    strcat(trail, old == PTHREAD_CANCEL_ENABLE ? "n" : "?");
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, 0);
    pthread_testcancel();
    strcat(trail, "!");
    return 0;
}
static void *spin_forever(void *unused) {
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, 0);
    sem_post(&done);
    for (volatile int i = 0;; i++) { }
    return 0;
}
static void *exit_with_cleanup(void *unused) {
    pthread_cleanup_push(note, "x");
    pthread_exit((void *)5);
    pthread_cleanup_pop(0);
    return 0;
}
static void cancellation(void) {
    int fds[2];
    pipe(fds);
    struct { void *(*fn)(void *); void *argument; } cases[] = {{wait_forever, 0}, {sleep_forever, 0}, {read_forever, &fds[0]}, {not_now, 0}, {spin_forever, 0}};
    for (int i = 0; i < 5; i++) {
        pthread_t t;
        void *r;
        trail[0] = 0;
        pthread_create(&t, 0, cases[i].fn, cases[i].argument);
        sem_wait(&done);
        int e = pthread_cancel(t);
        pthread_join(t, &r);
        SAY("cancel %d: %s, cancelled %d, trail %s\n", i, name(e), r == PTHREAD_CANCELED, trail);
    }
    pthread_t t;
    void *r;
    trail[0] = 0;
    pthread_create(&t, 0, exit_with_cleanup, 0);
    pthread_join(t, &r);
    SAY("exit: %d trail %s; mutex free %s\n", (int)(intptr_t)r, trail, name(pthread_mutex_trylock(&guarded)));
}

/* -- threads.h -- */
static mtx_t mtx;
static cnd_t cnd;
static tss_t tss;
static once_flag flag = ONCE_FLAG_INIT;
static int c11_runs, c11_ready, c11_destroyed;
static void c11_once(void) { c11_runs++; }
static void c11_destroy(void *v) { c11_destroyed += *(int *)v; }
static int c11(void *v) {
    call_once(&flag, c11_once);
    tss_set(tss, v);
    mtx_lock(&mtx);
    c11_ready++;
    cnd_signal(&cnd);
    mtx_unlock(&mtx);
    return *(int *)v;
}
static void c11_threads(void) {
    thrd_t t[3];
    int values[3] = {1, 2, 4}, sum = 0, r;
    mtx_init(&mtx, mtx_plain);
    cnd_init(&cnd);
    tss_create(&tss, c11_destroy);
    for (int i = 0; i < 3; i++) thrd_create(&t[i], c11, &values[i]);
    mtx_lock(&mtx);
    while (c11_ready < 3) cnd_wait(&cnd, &mtx);
    mtx_unlock(&mtx);
    for (int i = 0; i < 3; i++) {
        thrd_join(t[i], &r);
        sum += r;
    }
    SAY("threads.h: sum %d, once %d, destroyed %d, busy %d\n", sum, c11_runs, c11_destroyed,
        mtx_trylock(&mtx) == thrd_success && mtx_trylock(&mtx) == thrd_busy);
}

static void *last(void *unused) {
    struct timespec t = {0, 10000000};
    nanosleep(&t, 0);
    SAY("the last thread ends the process\n");
    return 0;
}
static void at_exit(void) { SAY("atexit\n"); }

int main(void) {
    make_mutexes();
    mutexes();
    robust();
    conditions();
    keys();
    others();
    life();
    cancellation();
    c11_threads();
    atexit(at_exit);
    pthread_t t;
    pthread_create(&t, 0, last, 0);
    pthread_detach(t);
    pthread_exit(0);
}
