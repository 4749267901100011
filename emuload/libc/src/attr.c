/* Thread attributes. */
#include <asm/unistd.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include "thread.h"

static size_t default_stack;

/* RLIMIT_STACK, as glibc's default (nptl/nptl-stack.c); 2 MiB where it is unlimited. */
HIDDEN size_t em_default_stack(void) {
    if (!default_stack) {
        uint64_t limit[2];
        long r = em_syscall(__NR_prlimit64, 0, 3, 0, limit);   /* RLIMIT_STACK */
        uint64_t size = r < 0 || limit[0] > (1u << 30) ? 2u << 20 : limit[0];
        default_stack = size < 16384 ? 16384 : (size_t)(size + PAGE - 1) & -PAGE;
    }
    return default_stack;
}

static inline struct attributes *A(const pthread_attr_t *a) { return (struct attributes *)a; }

EXPORT int pthread_attr_init(pthread_attr_t *a) {
    *A(a) = (struct attributes){.guard = PAGE};
    return 0;
}
EXPORT int pthread_attr_destroy(pthread_attr_t *a) {
    if (A(a)->flags & HAS_MASK) em_free(A(a)->mask);
    A(a)->flags = 0;
    return 0;
}
EXPORT int pthread_attr_setdetachstate(pthread_attr_t *a, int state) {
    if (state != PTHREAD_CREATE_DETACHED && state != PTHREAD_CREATE_JOINABLE) return EINVAL;
    A(a)->flags = (A(a)->flags & ~DETACHED) | (state == PTHREAD_CREATE_DETACHED ? DETACHED : 0);
    return 0;
}
EXPORT int pthread_attr_getdetachstate(const pthread_attr_t *a, int *state) {
    *state = A(a)->flags & DETACHED ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE;
    return 0;
}
EXPORT int pthread_attr_setguardsize(pthread_attr_t *a, size_t size) {
    A(a)->guard = size;
    return 0;
}
EXPORT int pthread_attr_getguardsize(const pthread_attr_t *a, size_t *size) {
    *size = A(a)->guard;
    return 0;
}
EXPORT int pthread_attr_setstacksize(pthread_attr_t *a, size_t size) {
    if (size < 16384) return EINVAL;   /* PTHREAD_STACK_MIN */
    A(a)->stack_size = size;
    return 0;
}
EXPORT int pthread_attr_getstacksize(const pthread_attr_t *a, size_t *size) {
    *size = A(a)->stack_size ? A(a)->stack_size : em_default_stack();
    return 0;
}
EXPORT int pthread_attr_setstack(pthread_attr_t *a, void *stack, size_t size) {
    if (size < 16384) return EINVAL;
    A(a)->stack = stack;
    A(a)->stack_size = size;
    A(a)->flags |= HAS_STACK;
    return 0;
}
EXPORT int pthread_attr_getstack(const pthread_attr_t *a, void **stack, size_t *size) {
    *stack = A(a)->flags & HAS_STACK ? A(a)->stack : 0;
    return pthread_attr_getstacksize(a, size);
}
/* The old pair: the address is the end from which the stack grows. */
EXPORT int pthread_attr_setstackaddr(pthread_attr_t *a, void *end) {
    A(a)->stack = (char *)end - A(a)->stack_size;
    A(a)->flags |= HAS_STACK;
    return 0;
}
EXPORT int pthread_attr_getstackaddr(const pthread_attr_t *a, void **end) {
    *end = A(a)->flags & HAS_STACK ? A(a)->stack + A(a)->stack_size : 0;
    return 0;
}
EXPORT int pthread_attr_setschedparam(pthread_attr_t *a, const struct sched_param *p) {
    A(a)->priority = p->sched_priority;
    return 0;
}
EXPORT int pthread_attr_getschedparam(const pthread_attr_t *a, struct sched_param *p) {
    p->sched_priority = A(a)->priority;
    return 0;
}
EXPORT int pthread_attr_setschedpolicy(pthread_attr_t *a, int policy) {
    if (policy < 0 || policy > SCHED_RR) return EINVAL;
    A(a)->policy = policy;
    return 0;
}
EXPORT int pthread_attr_getschedpolicy(const pthread_attr_t *a, int *policy) {
    *policy = A(a)->policy;
    return 0;
}
EXPORT int pthread_attr_setinheritsched(pthread_attr_t *a, int inherit) {
    if (inherit != PTHREAD_INHERIT_SCHED && inherit != PTHREAD_EXPLICIT_SCHED) return EINVAL;
    A(a)->flags = (A(a)->flags & ~EXPLICIT_SCHED) | (inherit == PTHREAD_EXPLICIT_SCHED ? EXPLICIT_SCHED : 0);
    return 0;
}
EXPORT int pthread_attr_getinheritsched(const pthread_attr_t *a, int *inherit) {
    *inherit = A(a)->flags & EXPLICIT_SCHED ? PTHREAD_EXPLICIT_SCHED : PTHREAD_INHERIT_SCHED;
    return 0;
}
EXPORT int pthread_attr_setscope(pthread_attr_t *a, int scope) {
    return scope == PTHREAD_SCOPE_SYSTEM ? 0 : scope == PTHREAD_SCOPE_PROCESS ? ENOTSUP : EINVAL;
}
EXPORT int pthread_attr_getscope(const pthread_attr_t *a, int *scope) {
    *scope = PTHREAD_SCOPE_SYSTEM;
    return 0;
}
EXPORT int pthread_attr_setaffinity_np(pthread_attr_t *a, size_t size, const cpu_set_t *set) { return 0; }
EXPORT int pthread_attr_getaffinity_np(const pthread_attr_t *a, size_t size, cpu_set_t *set) {
    __builtin_memset(set, 0xff, size);
    return 0;
}
EXPORT int pthread_attr_setsigmask_np(pthread_attr_t *a, const sigset_t *set) {
    if (!set) {
        A(a)->flags &= ~HAS_MASK;
        return 0;
    }
    if (!(A(a)->flags & HAS_MASK) && !(A(a)->mask = em_malloc(sizeof(uint64_t)))) return ENOMEM;
    *A(a)->mask = *(const uint64_t *)set;
    A(a)->flags |= HAS_MASK;
    return 0;
}
EXPORT int pthread_attr_getsigmask_np(const pthread_attr_t *a, sigset_t *set) {
    __builtin_memset(set, 0, sizeof *set);
    if (!(A(a)->flags & HAS_MASK)) return -1;   /* PTHREAD_ATTR_NO_SIGMASK_NP */
    *(uint64_t *)set = *A(a)->mask;
    return 0;
}

EXPORT int pthread_getattr_np(pthread_t thread, pthread_attr_t *a) {
    struct thread *t = (struct thread *)thread;
    *A(a) = (struct attributes){
        .flags = HAS_STACK | (t->state == EM_DETACHED ? DETACHED : 0),
        .policy = t->policy,
        .priority = t->priority,
        .guard = t->guard_size,
        .stack = t->stack_low,
        .stack_size = t->stack_size,
    };
    return 0;
}

EXPORT int pthread_getattr_default_np(pthread_attr_t *a) {
    pthread_attr_init(a);
    A(a)->stack_size = em_default_stack();
    return 0;
}
EXPORT int pthread_setattr_default_np(const pthread_attr_t *a) {
    if (A(a)->flags & HAS_STACK) return EINVAL;
    if (A(a)->stack_size) default_stack = A(a)->stack_size;
    return 0;
}
