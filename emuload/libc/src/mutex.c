/* pthread mutexes, in glibc's object: lock word, count, owner tid and kind are where glibc keeps
 * them (sysdeps/nptl/bits/struct_mutex.h), so that its static initialisers, and musl's zeros, work.
 * The lock word is 0 free, 1 held, 2 held and somebody waits. */
#include <limits.h>
#include <pthread.h>
#include "timeconv.h"

enum { KIND_MASK = 3, KIND_ROBUST = 16, KIND_INCONSISTENT = 0x1000, KIND_DEAD = -1 };

/* Owner of a robust mutex that no thread holds any more (glibc's PTHREAD_MUTEX_INCONSISTENT and
 * PTHREAD_MUTEX_NOTRECOVERABLE). */
enum { OWNER_DIED = INT_MAX, NOT_RECOVERABLE = INT_MAX - 1 };

/* The content of pthread_mutexattr_t. */
enum { ATTR_TYPE = 3, ATTR_ROBUST = 16, ATTR_PROTOCOL_SHIFT = 5, ATTR_PSHARED = 128, ATTR_CEILING_SHIFT = 12 };

static int lock_contended(pthread_mutex_t *m, int clock, const struct em_ts64 *limit) {
    int *word = &m->__data.__lock;
    if (limit && em_ts_bad(limit)) return EINVAL;
    EM_EVENT(EM_MUTEX_WAIT, m, m->__data.__owner, 0, 0);
    while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0) {
        if (em_futex_wait(word, 2, clock, limit) == -ETIMEDOUT) {
            EM_EVENT(EM_WAIT_OVER, m, 0, 0, 0);
            return ETIMEDOUT;
        }
    }
    return 0;
}

static inline int try_word(pthread_mutex_t *m) {
    int free = 0;
    return __atomic_compare_exchange_n(&m->__data.__lock, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void acquired(pthread_mutex_t *m, int tid) {
    m->__data.__owner = tid;
    m->__data.__nusers++;
    EM_EVENT(EM_MUTEX_ACQUIRE, m, 0, 0, 0);
}

/* -- robust mutexes: each thread chains those it holds, and gives them up with a mark when it ends ------------------ */

static void **chain(pthread_mutex_t *m) { return (void **)&m->__data.__list.__next; }

static void unchain(pthread_mutex_t *m) {
    void **link = (void **)&em_self()->robust_mutexes;
    while (*link && *link != m) link = chain(*link);
    if (*link) *link = *chain(m);
}

HIDDEN void em_abandon_robust(struct thread *self) {
    for (pthread_mutex_t *m; (m = self->robust_mutexes) != 0;) {
        self->robust_mutexes = *chain(m);
        EM_EVENT(EM_MUTEX_RELEASE, m, 0, 0, 0);
        m->__data.__owner = OWNER_DIED;
        m->__data.__nusers--;
        if (__atomic_exchange_n(&m->__data.__lock, 0, __ATOMIC_RELEASE) == 2) em_futex_wake(&m->__data.__lock, 1);
    }
}

/* After the word is taken: 0, EOWNERDEAD, or ENOTRECOVERABLE with the word given back. */
static int take_robust(pthread_mutex_t *m) {
    if (m->__data.__owner == NOT_RECOVERABLE) {
        __atomic_store_n(&m->__data.__lock, 0, __ATOMIC_RELEASE);
        em_futex_wake(&m->__data.__lock, INT_MAX);
        EM_EVENT(EM_WAIT_OVER, m, 0, 0, 0);
        return ENOTRECOVERABLE;
    }
    *chain(m) = em_self()->robust_mutexes;
    em_self()->robust_mutexes = m;
    if (m->__data.__owner != OWNER_DIED) return 0;
    m->__data.__kind |= KIND_INCONSISTENT;
    return EOWNERDEAD;
}

static inline int take(pthread_mutex_t *m, int tid) {
    int error = UNLIKELY(m->__data.__kind & KIND_ROBUST) ? take_robust(m) : 0;
    if (error == ENOTRECOVERABLE) return error;
    m->__data.__count = (m->__data.__kind & KIND_MASK) == PTHREAD_MUTEX_RECURSIVE;
    acquired(m, tid);
    return error;
}

/* Nesting: 0 go on and lock, -1 done (a recursive mutex already ours), else the error. */
static inline int nested(pthread_mutex_t *m, int tid, int trying) {
    int kind = m->__data.__kind;
    if (LIKELY((kind & KIND_MASK) == PTHREAD_MUTEX_NORMAL)) return 0;
    if (kind == KIND_DEAD) return EINVAL;
    if (m->__data.__owner != tid) return 0;
    switch (kind & KIND_MASK) {
    case PTHREAD_MUTEX_RECURSIVE:
        if (m->__data.__count == UINT_MAX) return EAGAIN;
        m->__data.__count++;
        return -1;
    case PTHREAD_MUTEX_ERRORCHECK:
        return trying ? EBUSY : EDEADLK;
    default:
        return 0;
    }
}

static int lock(pthread_mutex_t *m, int clock, const struct em_ts64 *limit) {
    int tid = em_self()->tid;
    int again = nested(m, tid, 0);
    if (UNLIKELY(again)) return again < 0 ? 0 : again;
    if (UNLIKELY(!try_word(m))) {
        int error = lock_contended(m, clock, limit);
        if (error) return error;
    }
    return take(m, tid);
}

EXPORT int pthread_mutex_lock(pthread_mutex_t *m) { return lock(m, 0, 0); }

EXPORT int pthread_mutex_trylock(pthread_mutex_t *m) {
    int tid = em_self()->tid;
    int again = nested(m, tid, 1);
    if (again) return again < 0 ? 0 : again;
    if (!try_word(m)) return EBUSY;
    return take(m, tid);
}

EM_TIMED(int, pthread_mutex_timedlock, __pthread_mutex_timedlock64, __pthread_mutex_timedlock_time64,
         (pthread_mutex_t *m, const struct timespec *limit), { return lock(m, 0, EM_TS(limit)); })

EM_TIMED1(int, pthread_mutex_clocklock, __pthread_mutex_clocklock64,
          (pthread_mutex_t *m, clockid_t clock, const struct timespec *limit), {
              if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return EINVAL;
              return lock(m, clock, EM_TS(limit));
          })

EXPORT int pthread_mutex_unlock(pthread_mutex_t *m) {
    int kind = m->__data.__kind;
    if (UNLIKELY(kind != PTHREAD_MUTEX_NORMAL)) {
        if (kind == KIND_DEAD) return EINVAL;
        int type = kind & KIND_MASK;
        if (type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK || (kind & KIND_ROBUST)) {
            if (m->__data.__owner != em_self()->tid) return EPERM;
        }
        if (type == PTHREAD_MUTEX_RECURSIVE && --m->__data.__count != 0) return 0;
        if (kind & KIND_ROBUST) unchain(m);
    }
    EM_EVENT(EM_MUTEX_RELEASE, m, 0, 0, 0);
    m->__data.__owner = kind & KIND_INCONSISTENT ? NOT_RECOVERABLE : 0;
    m->__data.__nusers--;
    int *word = &m->__data.__lock;
    if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2) em_futex_wake(word, 1);
    return 0;
}

EXPORT int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr) {
    __builtin_memset(m, 0, sizeof *m < 40 ? sizeof *m : 40);   /* AArch64: glibc's object is 48 bytes, musl's 40 */
    if (attr) {
        int kind = *(const int *)attr;
        m->__data.__kind = kind & (ATTR_TYPE | ATTR_ROBUST | ATTR_PSHARED);
    }
    return 0;
}

EXPORT int pthread_mutex_destroy(pthread_mutex_t *m) {
    if (m->__data.__lock != 0) return EBUSY;
    m->__data.__kind = KIND_DEAD;
    return 0;
}

EXPORT int pthread_mutex_consistent(pthread_mutex_t *m) {
    if (!(m->__data.__kind & KIND_INCONSISTENT)) return EINVAL;
    m->__data.__kind &= ~KIND_INCONSISTENT;
    return 0;
}

EXPORT int pthread_mutex_getprioceiling(const pthread_mutex_t *m, int *ceiling) { return EINVAL; }
EXPORT int pthread_mutex_setprioceiling(pthread_mutex_t *m, int ceiling, int *old) { return EINVAL; }

EXPORT int pthread_mutexattr_init(pthread_mutexattr_t *a) { *(int *)a = 0; return 0; }
EXPORT int pthread_mutexattr_destroy(pthread_mutexattr_t *a) { return 0; }
EXPORT int pthread_mutexattr_settype(pthread_mutexattr_t *a, int type) {
    if (type < 0 || type > 3) return EINVAL;
    *(int *)a = (*(int *)a & ~ATTR_TYPE) | type;
    return 0;
}
EXPORT int pthread_mutexattr_gettype(const pthread_mutexattr_t *a, int *type) {
    *type = *(const int *)a & ATTR_TYPE;
    return 0;
}
EXPORT int pthread_mutexattr_setrobust(pthread_mutexattr_t *a, int robust) {
    if (robust != PTHREAD_MUTEX_STALLED && robust != PTHREAD_MUTEX_ROBUST) return EINVAL;
    *(int *)a = (*(int *)a & ~ATTR_ROBUST) | (robust ? ATTR_ROBUST : 0);
    return 0;
}
EXPORT int pthread_mutexattr_getrobust(const pthread_mutexattr_t *a, int *robust) {
    *robust = *(const int *)a & ATTR_ROBUST ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED;
    return 0;
}
EXPORT int pthread_mutexattr_setpshared(pthread_mutexattr_t *a, int shared) {
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED) return EINVAL;
    *(int *)a = (*(int *)a & ~ATTR_PSHARED) | (shared ? ATTR_PSHARED : 0);
    return 0;
}
EXPORT int pthread_mutexattr_getpshared(const pthread_mutexattr_t *a, int *shared) {
    *shared = *(const int *)a & ATTR_PSHARED ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    return 0;
}
EXPORT int pthread_mutexattr_setprotocol(pthread_mutexattr_t *a, int protocol) {
    if (protocol < PTHREAD_PRIO_NONE || protocol > PTHREAD_PRIO_PROTECT) return EINVAL;
    *(int *)a = (*(int *)a & ~(3 << ATTR_PROTOCOL_SHIFT)) | protocol << ATTR_PROTOCOL_SHIFT;
    return 0;
}
EXPORT int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *a, int *protocol) {
    *protocol = *(const int *)a >> ATTR_PROTOCOL_SHIFT & 3;
    return 0;
}
EXPORT int pthread_mutexattr_setprioceiling(pthread_mutexattr_t *a, int ceiling) {
    if (ceiling < 1 || ceiling > 99) return EINVAL;
    *(int *)a = (*(int *)a & 0xfff) | ceiling << ATTR_CEILING_SHIFT;
    return 0;
}
EXPORT int pthread_mutexattr_getprioceiling(const pthread_mutexattr_t *a, int *ceiling) {
    *ceiling = *(const int *)a >> ATTR_CEILING_SHIFT;
    return 0;
}

EXPORT int __pthread_mutex_lock(pthread_mutex_t *) ALIAS(pthread_mutex_lock);
EXPORT int __pthread_mutex_trylock(pthread_mutex_t *) ALIAS(pthread_mutex_trylock);
EXPORT int __pthread_mutex_unlock(pthread_mutex_t *) ALIAS(pthread_mutex_unlock);
EXPORT int __pthread_mutex_init(pthread_mutex_t *, const pthread_mutexattr_t *) ALIAS(pthread_mutex_init);
EXPORT int __pthread_mutex_destroy(pthread_mutex_t *) ALIAS(pthread_mutex_destroy);
EXPORT int __pthread_mutexattr_init(pthread_mutexattr_t *) ALIAS(pthread_mutexattr_init);
EXPORT int __pthread_mutexattr_destroy(pthread_mutexattr_t *) ALIAS(pthread_mutexattr_destroy);
EXPORT int __pthread_mutexattr_settype(pthread_mutexattr_t *, int) ALIAS(pthread_mutexattr_settype);
EXPORT int pthread_mutexattr_setkind_np(pthread_mutexattr_t *, int) ALIAS(pthread_mutexattr_settype);
EXPORT int pthread_mutexattr_getkind_np(const pthread_mutexattr_t *, int *) ALIAS(pthread_mutexattr_gettype);
ASM_ALIAS(pthread_mutexattr_setrobust_np, pthread_mutexattr_setrobust);
ASM_ALIAS(pthread_mutexattr_getrobust_np, pthread_mutexattr_getrobust);
ASM_ALIAS(pthread_mutex_consistent_np, pthread_mutex_consistent);
