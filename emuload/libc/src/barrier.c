/* Barriers and spin locks. */
#include <limits.h>
#include <pthread.h>
#include "timeconv.h"

struct barrier {
    int guard;
    unsigned count, arrived;
    unsigned generation;   /* the futex */
    unsigned inside;       /* threads not yet out of wait; destroy waits for 0 */
};
_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t), "the object must hold it");

EXPORT int pthread_barrier_init(pthread_barrier_t *object, const pthread_barrierattr_t *a, unsigned count) {
    if (count == 0) return EINVAL;
    *(struct barrier *)object = (struct barrier){.count = count};
    return 0;
}

EXPORT int pthread_barrier_wait(pthread_barrier_t *object) {
    struct barrier *b = (struct barrier *)object;
    em_lock(&b->guard);
    unsigned generation = b->generation;
    EM_EVENT(EM_BARRIER_WAIT, b, generation, 0, 0);
    b->inside++;
    int last = ++b->arrived == b->count;
    if (last) {
        b->arrived = 0;
        b->generation++;
    }
    em_unlock(&b->guard);
    if (last) em_futex_wake(&b->generation, INT_MAX);
    else while (__atomic_load_n(&b->generation, __ATOMIC_ACQUIRE) == generation) em_futex_wait(&b->generation, (int)generation, 0, 0);
    EM_EVENT(EM_BARRIER_LEAVE, b, generation, 0, 0);
    if (__atomic_sub_fetch(&b->inside, 1, __ATOMIC_ACQ_REL) == 0) em_futex_wake(&b->inside, INT_MAX);
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

EXPORT int pthread_barrier_destroy(pthread_barrier_t *object) {
    struct barrier *b = (struct barrier *)object;
    if (b->arrived) return EBUSY;
    for (unsigned inside; (inside = __atomic_load_n(&b->inside, __ATOMIC_ACQUIRE)) != 0;) em_futex_wait(&b->inside, (int)inside, 0, 0);
    return 0;
}

EXPORT int pthread_barrierattr_init(pthread_barrierattr_t *a) { *(int *)a = 0; return 0; }
EXPORT int pthread_barrierattr_destroy(pthread_barrierattr_t *a) { return 0; }
EXPORT int pthread_barrierattr_setpshared(pthread_barrierattr_t *a, int shared) {
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED) return EINVAL;
    *(int *)a = shared;
    return 0;
}
EXPORT int pthread_barrierattr_getpshared(const pthread_barrierattr_t *a, int *shared) { *shared = *(const int *)a; return 0; }

/* Spin locks: 0 free, 1 held, musl's and our init; glibc's differs on amd64 (1 is free) but is only set by its own functions. */
EXPORT int pthread_spin_init(pthread_spinlock_t *s, int shared) { *s = 0; return 0; }
EXPORT int pthread_spin_destroy(pthread_spinlock_t *s) { return 0; }
EXPORT int pthread_spin_trylock(pthread_spinlock_t *s) {
    int free = 0;
    return __atomic_compare_exchange_n(s, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED) ? 0 : EBUSY;
}
EXPORT int pthread_spin_lock(pthread_spinlock_t *s) {
    while (pthread_spin_trylock(s)) { }
    return 0;
}
EXPORT int pthread_spin_unlock(pthread_spinlock_t *s) {
    __atomic_store_n(s, 0, __ATOMIC_RELEASE);
    return 0;
}
