/* threads.h, in terms of pthreads. */
#include <limits.h>
#include <pthread.h>
#include <threads.h>
#include "timeconv.h"

static int answer(int error) { return error == 0 ? thrd_success : error == ENOMEM || error == EAGAIN ? thrd_nomem : error == EBUSY ? thrd_busy : error == ETIMEDOUT ? thrd_timedout : thrd_error; }

struct begin { thrd_start_t fn; void *argument; };
static void *run(void *p) {
    struct begin b = *(struct begin *)p;
    em_free(p);
    return (void *)(intptr_t)b.fn(b.argument);
}
EXPORT int thrd_create(thrd_t *out, thrd_start_t fn, void *argument) {
    struct begin *b = em_malloc(sizeof *b);
    if (!b) return thrd_nomem;
    *b = (struct begin){fn, argument};
    int error = pthread_create((pthread_t *)out, 0, run, b);
    if (error) em_free(b);
    return answer(error);
}
EXPORT int thrd_join(thrd_t t, int *result) {
    void *r;
    int error = pthread_join((pthread_t)t, &r);
    if (!error && result) *result = (int)(intptr_t)r;
    return answer(error);
}
EXPORT int thrd_detach(thrd_t t) { return answer(pthread_detach((pthread_t)t)); }
EXPORT void thrd_exit(int result) { em_thread_exit((void *)(intptr_t)result); }

EXPORT int mtx_init(mtx_t *m, int type) {
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    return answer(pthread_mutex_init((pthread_mutex_t *)m, &a));
}
EXPORT void mtx_destroy(mtx_t *m) { pthread_mutex_destroy((pthread_mutex_t *)m); }
EXPORT int mtx_lock(mtx_t *m) { return answer(pthread_mutex_lock((pthread_mutex_t *)m)); }
EXPORT int mtx_trylock(mtx_t *m) { return answer(pthread_mutex_trylock((pthread_mutex_t *)m)); }
EXPORT int mtx_unlock(mtx_t *m) { return answer(pthread_mutex_unlock((pthread_mutex_t *)m)); }
EXPORT int cnd_init(cnd_t *c) { return answer(pthread_cond_init((pthread_cond_t *)c, 0)); }
EXPORT void cnd_destroy(cnd_t *c) { pthread_cond_destroy((pthread_cond_t *)c); }
EXPORT int cnd_wait(cnd_t *c, mtx_t *m) { return answer(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m)); }
EXPORT int cnd_signal(cnd_t *c) { return answer(pthread_cond_signal((pthread_cond_t *)c)); }
EXPORT int cnd_broadcast(cnd_t *c) { return answer(pthread_cond_broadcast((pthread_cond_t *)c)); }
#if __SIZEOF_LONG__ == 4
int __pthread_mutex_timedlock64(pthread_mutex_t *, const struct timespec *);
int __pthread_cond_timedwait64(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
#define TIMED(name, wide_name) (wide ? wide_name : name)
#else
#define TIMED(name, wide_name) name
#endif
EM_TIMED(int, mtx_timedlock, __mtx_timedlock64, __mtx_timedlock_time64, (mtx_t *m, const struct timespec *limit),
         { return answer(TIMED(pthread_mutex_timedlock, __pthread_mutex_timedlock64)((pthread_mutex_t *)m, limit)); })
EM_TIMED(int, cnd_timedwait, __cnd_timedwait64, __cnd_timedwait_time64, (cnd_t *c, mtx_t *m, const struct timespec *limit),
         { return answer(TIMED(pthread_cond_timedwait, __pthread_cond_timedwait64)((pthread_cond_t *)c, (pthread_mutex_t *)m, limit)); })

EXPORT void call_once(once_flag *flag, void (*fn)(void)) { pthread_once((pthread_once_t *)flag, fn); }
EXPORT int tss_create(tss_t *key, tss_dtor_t destructor) { return answer(pthread_key_create((pthread_key_t *)key, destructor)); }
EXPORT void tss_delete(tss_t key) { pthread_key_delete(key); }
EXPORT int tss_set(tss_t key, void *value) { return answer(pthread_setspecific(key, value)); }
