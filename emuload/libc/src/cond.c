/* Condition variables: a sequence number that waiters sleep on, in the first words of glibc's and
 * musl's object (48 bytes everywhere). All zero is the static initialiser of both. */
#include <limits.h>
#include <pthread.h>
#include "timeconv.h"

struct cond {
    unsigned sequence;    /* counts wakes; the futex */
    unsigned waiters;     /* threads inside wait, and DESTROYING */
    int clock;            /* pthread_condattr_setclock */
};
enum { DESTROYING = 1u << 31 };
_Static_assert(sizeof(struct cond) <= sizeof(pthread_cond_t), "the object must hold it");

struct leave { struct cond *c; pthread_mutex_t *m; };

static void leave(struct cond *c) {
    if (__atomic_fetch_sub(&c->waiters, 1, __ATOMIC_ACQ_REL) == (DESTROYING | 1)) em_futex_wake(&c->waiters, INT_MAX);
}

/* Waits until a wake later than this call, the limit, or never. The mutex is held again afterwards. */
static int wait(struct cond *c, pthread_mutex_t *m, int clock, const struct em_ts64 *limit) {
    if (limit && em_ts_bad(limit)) return EINVAL;
    em_testcancel();
    __atomic_fetch_add(&c->waiters, 1, __ATOMIC_ACQ_REL);
    unsigned sequence = __atomic_load_n(&c->sequence, __ATOMIC_ACQUIRE);
    int error = pthread_mutex_unlock(m);
    if (error) {
        leave(c);
        return error;
    }
    EM_EVENT(EM_COND_WAIT, c, m, 0, 0);
    long r;
    do {
        r = em_futex_wait_cancellable(&c->sequence, sequence, clock, limit);
    } while (r == -EINTR && __atomic_load_n(&c->sequence, __ATOMIC_ACQUIRE) == sequence);
    int out_of_time = r == -ETIMEDOUT;
    EM_EVENT(out_of_time || r == -ECANCELED ? EM_WAIT_OVER : EM_COND_RETURN, c, 0, 0, 0);
    leave(c);
    pthread_mutex_lock(m);
    if (r == -ECANCELED) em_thread_cancel();   /* POSIX: cleanup handlers run with the mutex held */
    return out_of_time ? ETIMEDOUT : 0;
}

EXPORT int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m) { return wait((struct cond *)c, m, 0, 0); }

EM_TIMED(int, pthread_cond_timedwait, __pthread_cond_timedwait64, __pthread_cond_timedwait_time64,
         (pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *limit),
         { return wait((struct cond *)c, m, ((struct cond *)c)->clock, EM_TS(limit)); })

EM_TIMED1(int, pthread_cond_clockwait, __pthread_cond_clockwait64,
          (pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock, const struct timespec *limit), {
              if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return EINVAL;
              return wait((struct cond *)c, m, clock, EM_TS(limit));
          })

static int wake(struct cond *c, int count) {
    EM_EVENT(EM_COND_WAKE, c, count != 1, 0, 0);
    if ((__atomic_load_n(&c->waiters, __ATOMIC_ACQUIRE) & ~DESTROYING) == 0) return 0;
    __atomic_fetch_add(&c->sequence, 1, __ATOMIC_ACQ_REL);
    em_futex_wake(&c->sequence, count);
    return 0;
}

EXPORT int pthread_cond_signal(pthread_cond_t *c) { return wake((struct cond *)c, 1); }
EXPORT int pthread_cond_broadcast(pthread_cond_t *c) { return wake((struct cond *)c, INT_MAX); }

EXPORT int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *a) {
    *(struct cond *)c = (struct cond){0, 0, a ? *(const int *)a >> 1 : CLOCK_REALTIME};
    return 0;
}

/* Returns only when the waiters already woken have left: the memory may be freed next (POSIX, pthread_cond_destroy). */
EXPORT int pthread_cond_destroy(pthread_cond_t *object) {
    struct cond *c = (struct cond *)object;
    unsigned waiters = __atomic_or_fetch(&c->waiters, DESTROYING, __ATOMIC_ACQ_REL);
    while (waiters != DESTROYING) {
        em_futex_wait(&c->waiters, (int)waiters, 0, 0);
        waiters = __atomic_load_n(&c->waiters, __ATOMIC_ACQUIRE);
    }
    c->waiters = 0;
    return 0;
}

/* pthread_condattr_t: bit 0 process-shared, above it the clock. */
EXPORT int pthread_condattr_init(pthread_condattr_t *a) { *(int *)a = 0; return 0; }
EXPORT int pthread_condattr_destroy(pthread_condattr_t *a) { return 0; }
EXPORT int pthread_condattr_setclock(pthread_condattr_t *a, clockid_t clock) {
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return EINVAL;
    *(int *)a = (*(int *)a & 1) | clock << 1;
    return 0;
}
EXPORT int pthread_condattr_getclock(const pthread_condattr_t *a, clockid_t *clock) {
    *clock = *(const int *)a >> 1;
    return 0;
}
EXPORT int pthread_condattr_setpshared(pthread_condattr_t *a, int shared) {
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED) return EINVAL;
    *(int *)a = (*(int *)a & ~1) | shared;
    return 0;
}
EXPORT int pthread_condattr_getpshared(const pthread_condattr_t *a, int *shared) {
    *shared = *(const int *)a & 1;
    return 0;
}
ASM_ALIAS(__pthread_cond_wait, pthread_cond_wait);
ASM_ALIAS(__pthread_cond_signal, pthread_cond_signal);
ASM_ALIAS(__pthread_cond_broadcast, pthread_cond_broadcast);
ASM_ALIAS(__pthread_cond_init, pthread_cond_init);
ASM_ALIAS(__pthread_cond_destroy, pthread_cond_destroy);
