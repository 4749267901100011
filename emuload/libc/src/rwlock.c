/* Read-write locks. Readers are preferred, as glibc's default kind does (PTHREAD_RWLOCK_PREFER_READER_NP).
 * Seven ints at most: 32-bit glibc keeps the kind set by a static initialiser in the byte at 24. */
#include <limits.h>
#include <pthread.h>
#include "timeconv.h"

struct rwlock {
    int guard;           /* em_lock over the rest */
    int readers;
    int writer;          /* tid, 0 none */
    int waiters;
    unsigned sequence;   /* counts releases; the futex */
};
_Static_assert(sizeof(struct rwlock) <= 24, "the object must hold it");

static int take(struct rwlock *l, int write, int tid) {
    int free = !l->writer && (!write || l->readers == 0);
    if (free && write) l->writer = tid;
    if (free && !write) l->readers++;
    return free;
}

static int lock(struct rwlock *l, int write, int trying, int clock, const struct em_ts64 *limit) {
    int tid = em_self()->tid;
    em_lock(&l->guard);
    if (!take(l, write, tid)) {
        int error = trying ? EBUSY : l->writer == tid ? EDEADLK : limit && em_ts_bad(limit) ? EINVAL : 0;
        if (error) {
            em_unlock(&l->guard);
            return error;
        }
        EM_EVENT(EM_RWLOCK_WAIT, l, l->writer, write, 0);
        l->waiters++;
        do {
            unsigned sequence = l->sequence;
            em_unlock(&l->guard);
            long r = em_futex_wait(&l->sequence, (int)sequence, clock, limit);
            em_lock(&l->guard);
            if (r == -ETIMEDOUT) {
                l->waiters--;
                em_unlock(&l->guard);
                EM_EVENT(EM_WAIT_OVER, l, 0, 0, 0);
                return ETIMEDOUT;
            }
        } while (!take(l, write, tid));
        l->waiters--;
    }
    em_unlock(&l->guard);
    EM_EVENT(EM_RWLOCK_ACQUIRE, l, write, 0, 0);
    return 0;
}

EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *l) { return lock((struct rwlock *)l, 0, 0, 0, 0); }
EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *l) { return lock((struct rwlock *)l, 1, 0, 0, 0); }
EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *l) { return lock((struct rwlock *)l, 0, 1, 0, 0); }
EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *l) { return lock((struct rwlock *)l, 1, 1, 0, 0); }

EM_TIMED(int, pthread_rwlock_timedrdlock, __pthread_rwlock_timedrdlock64, __pthread_rwlock_timedrdlock_time64,
         (pthread_rwlock_t *l, const struct timespec *limit), { return lock((struct rwlock *)l, 0, 0, 0, EM_TS(limit)); })
EM_TIMED(int, pthread_rwlock_timedwrlock, __pthread_rwlock_timedwrlock64, __pthread_rwlock_timedwrlock_time64,
         (pthread_rwlock_t *l, const struct timespec *limit), { return lock((struct rwlock *)l, 1, 0, 0, EM_TS(limit)); })
EM_TIMED1(int, pthread_rwlock_clockrdlock, __pthread_rwlock_clockrdlock64,
          (pthread_rwlock_t *l, clockid_t clock, const struct timespec *limit),
          { return clock & ~1 ? EINVAL : lock((struct rwlock *)l, 0, 0, clock, EM_TS(limit)); })
EM_TIMED1(int, pthread_rwlock_clockwrlock, __pthread_rwlock_clockwrlock64,
          (pthread_rwlock_t *l, clockid_t clock, const struct timespec *limit),
          { return clock & ~1 ? EINVAL : lock((struct rwlock *)l, 1, 0, clock, EM_TS(limit)); })

EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *object) {
    struct rwlock *l = (struct rwlock *)object;
    EM_EVENT(EM_RWLOCK_RELEASE, l, 0, 0, 0);
    em_lock(&l->guard);
    if (l->writer) l->writer = 0;
    else if (l->readers) l->readers--;
    int wake = l->waiters && l->readers == 0;
    if (wake) l->sequence++;
    em_unlock(&l->guard);
    if (wake) em_futex_wake(&l->sequence, INT_MAX);
    return 0;
}

EXPORT int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *a) {
    *(struct rwlock *)l = (struct rwlock){0};
    return 0;
}
EXPORT int pthread_rwlock_destroy(pthread_rwlock_t *l) { return 0; }

/* pthread_rwlockattr_t: kind, process-shared. */
EXPORT int pthread_rwlockattr_init(pthread_rwlockattr_t *a) { ((int *)a)[0] = ((int *)a)[1] = 0; return 0; }
EXPORT int pthread_rwlockattr_destroy(pthread_rwlockattr_t *a) { return 0; }
EXPORT int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *a, int shared) {
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED) return EINVAL;
    ((int *)a)[1] = shared;
    return 0;
}
EXPORT int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *a, int *shared) { *shared = ((const int *)a)[1]; return 0; }
EXPORT int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *a, int kind) {
    if (kind < 0 || kind > 2) return EINVAL;
    ((int *)a)[0] = kind;
    return 0;
}
EXPORT int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *a, int *kind) { *kind = ((const int *)a)[0]; return 0; }

ASM_ALIAS(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);
ASM_ALIAS(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);
ASM_ALIAS(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);
ASM_ALIAS(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);
ASM_ALIAS(__pthread_rwlock_unlock, pthread_rwlock_unlock);
ASM_ALIAS(__pthread_rwlock_init, pthread_rwlock_init);
ASM_ALIAS(__pthread_rwlock_destroy, pthread_rwlock_destroy);
