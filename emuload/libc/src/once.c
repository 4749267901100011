/* pthread_once and thread-specific data. */
#include <limits.h>
#include <pthread.h>
#include "internal.h"

/* pthread_once_t: 0 fresh, tid * 4 + 1 while it runs, 2 done (glibc's value for done). */
enum { DONE = 2, RUNNING = 1 };

static void run_again(void *once) {
    __atomic_store_n((int *)once, 0, __ATOMIC_RELEASE);
    em_futex_wake(once, INT_MAX);
}

EXPORT int pthread_once(pthread_once_t *once, void (*routine)(void)) {
    EM_EXCEPTIONS_PASS();
    for (;;) {
        int state = __atomic_load_n(once, __ATOMIC_ACQUIRE);
        if (LIKELY(state == DONE)) {
            EM_EVENT(EM_ONCE_PASS, once, 0, 0, 0);
            return 0;
        }
        if (state == 0) {
            if (!__atomic_compare_exchange_n(once, &state, em_self()->tid << 2 | RUNNING, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                continue;
            EM_EVENT(EM_ONCE_ENTER, once, routine, 0, 0);
            struct em_cleanup cleanup;
            em_cleanup_push(&cleanup, run_again, once);   /* POSIX: a cancelled routine counts as never run; C++: one that throws */
            EM_CALL_BACK(routine);
            em_cleanup_pop(&cleanup);
            EM_EVENT(EM_ONCE_EXIT, once, 0, 0, 0);
            __atomic_store_n(once, DONE, __ATOMIC_RELEASE);
            em_futex_wake(once, INT_MAX);
            return 0;
        }
        EM_EVENT(EM_ONCE_WAIT, once, state >> 2, 0, 0);
        while (__atomic_load_n(once, __ATOMIC_ACQUIRE) == state) em_futex_wait(once, state, 0, 0);
        EM_EVENT(EM_WAIT_OVER, once, 0, 0, 0);
    }
}
ASM_ALIAS(__pthread_once, pthread_once);

/* Keys: a value counts only while its key's sequence number is the one it was stored under. Odd: in use. */
static struct key { uintptr_t sequence; void (*destructor)(void *); } keys[EM_KEYS_MAX];
static int keys_lock;

EXPORT int pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
    em_lock(&keys_lock);
    for (unsigned k = 0; k < EM_KEYS_MAX; k++) {
        if (keys[k].sequence & 1) continue;
        keys[k].sequence++;
        keys[k].destructor = destructor;
        em_unlock(&keys_lock);
        *key = k;
        return 0;
    }
    em_unlock(&keys_lock);
    return EAGAIN;
}

EXPORT int pthread_key_delete(pthread_key_t key) {
    int error = EINVAL;
    em_lock(&keys_lock);
    if (key < EM_KEYS_MAX && (keys[key].sequence & 1)) {
        keys[key].sequence++;
        error = 0;
    }
    em_unlock(&keys_lock);
    return error;
}

static inline struct em_key_value *slot(struct thread *t, unsigned key) {
    if (LIKELY(key < EM_KEYS_BLOCK)) return &t->keys0[key];
    struct em_key_value *block = t->keys[key / EM_KEYS_BLOCK];
    return block ? &block[key % EM_KEYS_BLOCK] : 0;
}

EXPORT void *pthread_getspecific(pthread_key_t key) {
    if (key >= EM_KEYS_MAX) return 0;
    struct em_key_value *v = slot(em_self(), key);
    return v && v->sequence == keys[key].sequence ? v->value : 0;
}

EXPORT int pthread_setspecific(pthread_key_t key, const void *value) {
    if (key >= EM_KEYS_MAX || !(keys[key].sequence & 1)) return EINVAL;
    struct thread *self = em_self();
    struct em_key_value *v = slot(self, key);
    if (!v) {
        if (!value) return 0;
        struct em_key_value *block = em_calloc(EM_KEYS_BLOCK, sizeof *block);
        if (!block) return ENOMEM;
        self->keys[key / EM_KEYS_BLOCK] = block;
        v = &block[key % EM_KEYS_BLOCK];
    }
    if (value) self->keys_used = 1;
    *v = (struct em_key_value){keys[key].sequence, (void *)value};
    return 0;
}

HIDDEN void em_run_key_destructors(struct thread *self) {
    for (int round = 0; self->keys_used && round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
        self->keys_used = 0;
        for (unsigned k = 0; k < EM_KEYS_MAX; k++) {
            struct em_key_value *v = slot(self, k);
            if (!v) {
                k |= EM_KEYS_BLOCK - 1;
                continue;
            }
            void *value = v->value;
            v->value = 0;
            if (!value || v->sequence != keys[k].sequence || !keys[k].destructor) continue;
            self->keys_used = 1;
            EM_EVENT(EM_KEY_DESTRUCTOR, k, keys[k].destructor, 0, 0);
            keys[k].destructor(value);
        }
    }
    for (unsigned b = 0; b < EM_KEYS_MAX / EM_KEYS_BLOCK; b++) {
        em_free(self->keys[b]);
        self->keys[b] = 0;
    }
}
ASM_ALIAS(__pthread_key_create, pthread_key_create);
ASM_ALIAS(__pthread_key_delete, pthread_key_delete);
ASM_ALIAS(__pthread_getspecific, pthread_getspecific);
ASM_ALIAS(__pthread_setspecific, pthread_setspecific);
ASM_ALIAS(tss_get, pthread_getspecific);
