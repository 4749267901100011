/* semaphore.h. Value and waiters are the first two ints of sem_t in glibc (64-bit) and musl alike. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include "timeconv.h"

struct semaphore { int value, waiters; };

EXPORT int sem_init(sem_t *object, int shared, unsigned value) {
    if (value > INT_MAX) {
        errno = EINVAL;
        return -1;
    }
    *(struct semaphore *)object = (struct semaphore){(int)value, 0};
    return 0;
}
EXPORT int sem_destroy(sem_t *object) { return 0; }

static int take(struct semaphore *s) {
    int value = __atomic_load_n(&s->value, __ATOMIC_RELAXED);
    while (value > 0)
        if (__atomic_compare_exchange_n(&s->value, &value, value - 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            EM_EVENT(EM_SEM_ACQUIRE, s, 0, 0, 0);
            return 1;
        }
    return 0;
}

static int wait(struct semaphore *s, int clock, const struct em_ts64 *limit) {
    em_testcancel();
    if (take(s)) return 0;
    if (limit && em_ts_bad(limit)) {
        errno = EINVAL;
        return -1;
    }
    EM_EVENT(EM_SEM_WAIT, s, 0, 0, 0);
    __atomic_fetch_add(&s->waiters, 1, __ATOMIC_ACQ_REL);
    long r;
    do {
        r = em_futex_wait_cancellable(&s->value, 0, clock, limit);
    } while ((r == 0 || r == -EAGAIN) && !take(s));
    __atomic_fetch_sub(&s->waiters, 1, __ATOMIC_ACQ_REL);
    if (r == 0 || r == -EAGAIN) return 0;
    EM_EVENT(EM_WAIT_OVER, s, 0, 0, 0);
    if (r == -ECANCELED) em_thread_cancel();
    errno = (int)-r;
    return -1;
}

EXPORT int sem_wait(sem_t *s) { return wait((struct semaphore *)s, 0, 0); }
EM_TIMED(int, sem_timedwait, __sem_timedwait64, __sem_timedwait_time64, (sem_t *s, const struct timespec *limit),
         { return wait((struct semaphore *)s, 0, EM_TS(limit)); })
EM_TIMED1(int, sem_clockwait, __sem_clockwait64, (sem_t *s, clockid_t clock, const struct timespec *limit), {
    if (clock & ~1) {
        errno = EINVAL;
        return -1;
    }
    return wait((struct semaphore *)s, clock, EM_TS(limit));
})

EXPORT int sem_trywait(sem_t *s) {
    if (take((struct semaphore *)s)) return 0;
    errno = EAGAIN;
    return -1;
}

EXPORT int sem_post(sem_t *object) {
    struct semaphore *s = (struct semaphore *)object;
    int value = __atomic_load_n(&s->value, __ATOMIC_RELAXED);
    if (value != INT_MAX) EM_EVENT(EM_SEM_POST, s, 0, 0, 0);   /* before anybody can have it */
    do {
        if (value == INT_MAX) {
            errno = EOVERFLOW;
            return -1;
        }
    } while (!__atomic_compare_exchange_n(&s->value, &value, value + 1, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    if (__atomic_load_n(&s->waiters, __ATOMIC_ACQUIRE)) em_futex_wake(&s->value, 1);
    return 0;
}

EXPORT int sem_getvalue(sem_t *s, int *value) {
    *value = __atomic_load_n(&((struct semaphore *)s)->value, __ATOMIC_ACQUIRE);
    return 0;
}

/* Named semaphores live in the process: there is no other one to share them with. */
struct named { struct named *next; struct semaphore s; int references; int unlinked; char name[256]; };
static struct named *names;
static int names_lock;

static int same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

EXPORT sem_t *sem_open(const char *name, int flags, ...) {
    unsigned value = 0;
    if (flags & O_CREAT) {
        va_list list;
        va_start(list, flags);
        (void)va_arg(list, int);
        value = va_arg(list, unsigned);
        va_end(list);
    }
    while (*name == '/') name++;
    size_t length = 0;
    while (name[length]) length++;
    if (length == 0 || length > 250) {
        errno = length ? ENAMETOOLONG : EINVAL;
        return SEM_FAILED;
    }
    em_lock(&names_lock);
    struct named *n = names;
    while (n && (n->unlinked || !same(n->name, name))) n = n->next;
    int error = 0;
    if (n && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) error = EEXIST;
    else if (!n && !(flags & O_CREAT)) error = ENOENT;
    else if (!n && value > INT_MAX) error = EINVAL;
    else if (!n) {
        n = em_calloc(1, sizeof *n);
        if (!n) error = ENOMEM;
        else {
            for (size_t i = 0; i < length; i++) n->name[i] = name[i];
            n->s.value = (int)value;
            n->next = names;
            names = n;
        }
    }
    if (!error) n->references++;
    em_unlock(&names_lock);
    if (!error) return (sem_t *)&n->s;
    errno = error;
    return SEM_FAILED;
}

static void drop(struct named *n) {
    if (n->references || !n->unlinked) return;
    struct named **link = &names;
    while (*link != n) link = &(*link)->next;
    *link = n->next;
    em_free(n);
}

EXPORT int sem_close(sem_t *s) {
    em_lock(&names_lock);
    struct named *n = names;
    while (n && &n->s != (struct semaphore *)s) n = n->next;
    if (n) {
        n->references--;
        drop(n);
    }
    em_unlock(&names_lock);
    if (n) return 0;
    errno = EINVAL;
    return -1;
}

EXPORT int sem_unlink(const char *name) {
    while (*name == '/') name++;
    em_lock(&names_lock);
    struct named *n = names;
    while (n && (n->unlinked || !same(n->name, name))) n = n->next;
    if (n) {
        n->unlinked = 1;
        drop(n);
    }
    em_unlock(&names_lock);
    if (n) return 0;
    errno = ENOENT;
    return -1;
}
