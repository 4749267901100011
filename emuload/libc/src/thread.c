/* Threads: creation by clone(2), end, join and detach. A pthread_t is the address of the per-thread block. */
#include <asm/unistd.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include "thread.h"

HIDDEN int em_threads_lock;
HIDDEN struct thread *em_threads;
HIDDEN int em_thread_count;

HIDDEN void em_block_signals(uint64_t *old) {
    uint64_t all = ~0ULL;
    em_syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, old, sizeof all);
}
HIDDEN void em_restore_signals(const uint64_t *old) { em_syscall(__NR_rt_sigprocmask, SIG_SETMASK, old, 0, sizeof *old); }

HIDDEN int em_thread_known(struct thread *t) {
    struct thread *each = em_threads;
    while (each && each != t) each = each->next;
    return each != 0;
}

static void list_add(struct thread *t) {
    t->next = em_threads ? em_threads->next : 0;
    t->prev = em_threads;
    if (t->next) t->next->prev = t;
    if (em_threads) em_threads->next = t;
    else em_threads = t;
}

static void list_remove(struct thread *t) {
    if (t->prev) t->prev->next = t->next;
    else em_threads = t->next;
    if (t->next) t->next->prev = t->prev;
}

HIDDEN void em_thread_init_main(struct thread *self) {
    self->tid = self->id = (int)em_syscall(__NR_set_tid_address, &self->tid);
    self->stack_low = (char *)em_process.stack_low;
    self->stack_size = em_process.stack_high - em_process.stack_low;
    em_thread_count = 1;
    list_add(self);
}

/* -- the end ------------------------------------------------------------------------------------ */

/* Frees the resources of a thread that no longer runs. */
static void reap(struct thread *t) {
    void *mapping = t->mapping;
    size_t size = t->mapping_size;
    em_tls_thread_free(t);
    EM_TLS_FREE(t->area);
    if (mapping) em_syscall(__NR_munmap, mapping, size);
}

/* Where a new thread, and one that ends, needs the loader's lock for a moment. */
static void pass_loader(void) {
    if (!(em_process.flags & EM_LOCK_NEW_THREADS)) return;
    em_lock_loader();
    em_unlock_loader();
}

HIDDEN void em_thread_finish(struct thread *self) {
    pass_loader();
    em_run_tls_dtors(self);
    em_run_key_destructors(self);
    em_abandon_robust(self);
    EM_EVENT(EM_THREAD_EXIT, 0, 0, 0, 0);
    uint64_t unused;
    em_block_signals(&unused);
    em_lock(&em_threads_lock);
    int last = --em_thread_count == 0;
    self->exiting = 2;
    int detached = self->state == EM_DETACHED;
    if (detached && self->mapping) list_remove(self);
    em_unlock(&em_threads_lock);
    if (last) {
        em_thread_count = 1;
        em_restore_signals(&unused);
        em_exit(0);
    }
    if (!detached || !self->mapping) {
        for (;;) em_syscall(__NR_exit, 0);
    }
    em_syscall(__NR_set_tid_address, 0);
    em_tls_thread_free(self);
    EM_TLS_FREE(self->area);
    em_unmap_and_exit(self->mapping, self->mapping_size);
}

/* -- the beginning -------------------------------------------------------------------------------- */

static void thread_main(void *argument) {
    struct thread *self = argument;
    self->id = self->tid;
    em_restore_signals(&self->start_mask);
    pass_loader();
    EM_EVENT(EM_THREAD_START, self->start, 0, 0, 0);
    em_thread_return(self->start(self->argument));
}

static size_t round_page(size_t n) { return (n + PAGE - 1) & -PAGE; }

EXPORT int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    static const struct attributes defaults = {.guard = PAGE};
    const struct attributes *a = attributes ? (const struct attributes *)attributes : &defaults;
    struct em_tls_size tls;
    EM_TLS_SIZE(&tls);

    char *mapping = 0, *low, *high;
    size_t mapping_size = 0, guard = 0;
    if (a->flags & HAS_STACK) {
        low = a->stack;
        high = a->stack + a->stack_size;
        if (a->stack_size < tls.size + tls.align + 2048) return EINVAL;
    } else {
        /* The guard below, the static TLS area above the stack that was asked for. */
        guard = round_page(a->guard);
        size_t wanted = a->stack_size ? a->stack_size : em_default_stack();
        mapping_size = guard + round_page(wanted + tls.size + tls.align);
        if (mapping_size < wanted) return EAGAIN;
        long r = em_mmap(0, mapping_size, guard ? PROT_NONE : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (r < 0 && r > -4096) return EAGAIN;
        mapping = (char *)r;
        low = mapping + guard;
        high = mapping + mapping_size;
        if (guard && em_syscall(__NR_mprotect, low, high - low, PROT_READ | PROT_WRITE) < 0) {
            em_syscall(__NR_munmap, mapping, mapping_size);
            return EAGAIN;
        }
    }
    size_t align = tls.align < 16 ? 16 : tls.align;
    char *area = (char *)(((uintptr_t)high - tls.size) & -align);
    if (!mapping) __builtin_memset(area, 0, tls.size);
    long tp = EM_TLS_INIT(area);
    if (tp < 0 && tp > -4096) {
        if (mapping) em_syscall(__NR_munmap, mapping, mapping_size);
        return EAGAIN;
    }

    struct thread *self = em_self();
    struct thread *t = em_thread_of((void *)tp);
    t->mapping = mapping;
    t->mapping_size = mapping_size;
    t->area = area;
    t->stack_low = low;
    t->stack_size = (size_t)(high - low);
    t->guard_size = guard;
    t->start = start;
    t->argument = argument;
    t->state = a->flags & DETACHED ? EM_DETACHED : EM_JOINABLE;
    t->policy = a->flags & EXPLICIT_SCHED ? a->policy : self->policy;
    t->priority = a->flags & EXPLICIT_SCHED ? a->priority : self->priority;
#if defined(__x86_64__)
    t->stack_guard = self->stack_guard;
    t->pointer_guard = self->pointer_guard;
#endif
    uint64_t mask;
    em_block_signals(&mask);
    t->start_mask = a->flags & HAS_MASK ? *a->mask : mask;

    em_lock(&em_threads_lock);
    list_add(t);
    em_thread_count++;
    em_unlock(&em_threads_lock);
    *out = (pthread_t)t;
    long tid = em_clone(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS
                            | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                        area, &t->tid, (void *)tp, &t->tid, thread_main, t);
    if (tid < 0) {
        em_lock(&em_threads_lock);
        list_remove(t);
        em_thread_count--;
        em_unlock(&em_threads_lock);
        reap(t);
        em_restore_signals(&mask);
        return EAGAIN;
    }
    EM_EVENT(EM_THREAD_CREATE, tid, start, argument, 0);
    em_restore_signals(&mask);
    return 0;
}

/* -- join and detach ------------------------------------------------------------------------------ */

/* The kernel clears tid and wakes it as a shared futex (mm_release in kernel/fork.c). */
static long wait_gone(struct thread *t, int clock, const struct em_ts64 *limit) {
    int tid;
    while ((tid = __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE)) != 0) {
        long r = em_futex_wait_shared(&t->tid, tid, clock, limit);
        if (r == -ETIMEDOUT || r == -ECANCELED) return r;
    }
    return 0;
}

static int join(pthread_t thread, void **result, int trying, int clock, const struct em_ts64 *limit) {
    struct thread *t = (struct thread *)thread;
    if (limit && em_ts_bad(limit)) return EINVAL;
    em_lock(&em_threads_lock);
    int error = !em_thread_known(t) ? ESRCH : t->state != EM_JOINABLE ? EINVAL : t == em_self() ? EDEADLK : 0;
    if (!error && trying && t->tid) error = EBUSY;
    if (!error) t->state = EM_JOINED;
    em_unlock(&em_threads_lock);
    if (error) return error;
    int tid = t->tid;
    if (!tid) tid = t->id;   /* it is gone already */
    EM_EVENT(EM_JOIN_WAIT, tid, 0, 0, 0);
    long r = wait_gone(t, clock, limit);
    if (r) {
        EM_EVENT(EM_WAIT_OVER, tid, 0, 0, 0);
        t->state = EM_JOINABLE;
        if (r == -ECANCELED) em_thread_cancel();
        return ETIMEDOUT;
    }
    EM_EVENT(EM_JOIN_DONE, tid, 0, 0, 0);
    if (result) *result = t->result;
    em_lock(&em_threads_lock);
    list_remove(t);
    em_unlock(&em_threads_lock);
    reap(t);
    return 0;
}

EXPORT int pthread_join(pthread_t t, void **result) { return join(t, result, 0, 0, 0); }
EXPORT int pthread_tryjoin_np(pthread_t t, void **result) { return join(t, result, 1, 0, 0); }
EM_TIMED(int, pthread_timedjoin_np, __pthread_timedjoin_np64, __pthread_timedjoin_np_time64,
         (pthread_t t, void **result, const struct timespec *limit), { return join(t, result, 0, 0, EM_TS(limit)); })
EM_TIMED1(int, pthread_clockjoin_np, __pthread_clockjoin_np64, (pthread_t t, void **result, clockid_t clock, const struct timespec *limit),
          { return clock & ~1 ? EINVAL : join(t, result, 0, clock, EM_TS(limit)); })

EXPORT int pthread_detach(pthread_t thread) {
    struct thread *t = (struct thread *)thread;
    em_lock(&em_threads_lock);
    int error = !em_thread_known(t) ? ESRCH : t->state != EM_JOINABLE ? EINVAL : 0;
    int gone = !error && t->exiting == 2;
    if (!error) t->state = gone ? EM_JOINED : EM_DETACHED;
    if (gone && t->mapping) list_remove(t);
    em_unlock(&em_threads_lock);
    if (gone && t->mapping) {
        wait_gone(t, 0, 0);
        reap(t);
    }
    return error;
}

EXPORT pthread_t pthread_self(void) { return (pthread_t)em_self(); }
EXPORT int pthread_equal(pthread_t a, pthread_t b) { return a == b; }
EXPORT void pthread_exit(void *result) {
    em_open_unwinder();
    em_thread_exit(result);
}

/* -- about a thread --------------------------------------------------------------------------------- */

static int thread_tid(pthread_t thread) {
    em_lock(&em_threads_lock);
    int tid = em_thread_known((struct thread *)thread) ? ((struct thread *)thread)->tid : 0;
    em_unlock(&em_threads_lock);
    return tid;
}

EXPORT int pthread_kill(pthread_t thread, int signal) {
    if (signal == SIGCANCEL || signal == SIGCANCEL + 1) return EINVAL;
    int tid = thread_tid(thread);
    if (!tid) return em_thread_known((struct thread *)thread) ? 0 : ESRCH;   /* ended, not joined: no error (POSIX 2024) */
    return (int)-em_syscall(__NR_tgkill, em_syscall(__NR_getpid), tid, signal);
}

EXPORT int pthread_sigqueue(pthread_t thread, int signal, const union sigval value) {
    int tid = thread_tid(thread);
    if (!tid) return ESRCH;
    siginfo_t info = {0};
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_pid = (int)em_syscall(__NR_getpid);
    info.si_value = value;
    return (int)-em_syscall(__NR_rt_tgsigqueueinfo, info.si_pid, tid, signal, &info);
}

EXPORT int pthread_getcpuclockid(pthread_t thread, clockid_t *clock) {
    int tid = thread_tid(thread);
    if (!tid) return ESRCH;
    *clock = (clockid_t)(~(unsigned)tid << 3 | 6);   /* CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED (Linux posix-timers.h) */
    return 0;
}

EXPORT int pthread_setname_np(pthread_t thread, const char *name) {
    struct thread *t = (struct thread *)thread;
    size_t length = 0;
    while (name[length]) length++;
    if (length > 15) return ERANGE;
    for (size_t i = 0; i <= length; i++) t->name[i] = name[i];
    return t == em_self() ? (int)-em_syscall(__NR_prctl, 15, name) : 0;   /* PR_SET_NAME */
}

EXPORT int pthread_getname_np(pthread_t thread, char *buffer, size_t size) {
    struct thread *t = (struct thread *)thread;
    if (size < 16) return ERANGE;
    if (t == em_self() || !t->name[0]) return (int)-em_syscall(__NR_prctl, 16, buffer);   /* PR_GET_NAME */
    for (int i = 0; i < 16; i++) buffer[i] = t->name[i];
    return 0;
}

EXPORT int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *parameter) {
    *policy = ((struct thread *)thread)->policy;
    parameter->sched_priority = ((struct thread *)thread)->priority;
    return 0;
}
EXPORT int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *parameter) {
    int tid = thread_tid(thread);
    if (!tid) return ESRCH;
    long r = em_syscall(__NR_sched_setscheduler, tid, policy, parameter);
    if (r < 0) return (int)-r;
    ((struct thread *)thread)->policy = policy;
    ((struct thread *)thread)->priority = parameter->sched_priority;
    return 0;
}
EXPORT int pthread_setschedprio(pthread_t thread, int priority) {
    struct sched_param parameter = {.sched_priority = priority};
    return pthread_setschedparam(thread, ((struct thread *)thread)->policy, &parameter);
}
EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set) {
    int tid = thread_tid(thread);
    return tid ? (int)-em_syscall(__NR_sched_setaffinity, tid, size, set) : ESRCH;
}
EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set) {
    int tid = thread_tid(thread);
    if (!tid) return ESRCH;
    long r = em_syscall(__NR_sched_getaffinity, tid, size, set);
    if (r < 0) return (int)-r;
    __builtin_memset((char *)set + r, 0, size - (size_t)r);
    return 0;
}
EXPORT int pthread_getconcurrency(void) { return 0; }
EXPORT int pthread_setconcurrency(int level) { return level < 0 ? EINVAL : 0; }

ASM_ALIAS(__pthread_self, pthread_self);
ASM_ALIAS(thrd_current, pthread_self);
ASM_ALIAS(thrd_equal, pthread_equal);
