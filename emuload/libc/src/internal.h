/* Shared by the library's own files. Everything is hidden unless marked EXPORT.
 *
 * The per-thread block. On amd64 (TLS variant II) it starts at the thread pointer, its head being the
 * TCB the psABI and compilers know (fs:0 itself, fs:8 the DTV, fs:0x28 the stack guard). On ARM and
 * AArch64 (variant I) the TCB {DTV, reserved} is at the thread pointer and this block ends right below
 * it: block = tp - __emu_tcb_size. The loader lays out static TLS around it and zero-fills it. */
#ifndef EMULOAD_INTERNAL_H
#define EMULOAD_INTERNAL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include "host.h"

#define EXPORT __attribute__((visibility("default")))
#define HIDDEN __attribute__((visibility("hidden")))
#define WEAK __attribute__((weak))
#define NORETURN __attribute__((noreturn))
#define ALIAS(name) __attribute__((alias(#name), visibility("default")))
#define WEAK_ALIAS(name) __attribute__((weak, alias(#name), visibility("default")))
/* The same for names that headers redirect or declare with another type; weak, so that tools that name an address
 * prefer the target's name. */
#define ASM_ALIAS(name, target) __asm__(".weak " #name "\n.type " #name ",%function\n.set " #name "," #target)
#if __SIZEOF_LONG__ == 8
#define EM_WORD_SIZE "8"
#else
#define EM_WORD_SIZE "4"
#endif
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* A cleanup handler: of this library, and musl's struct __ptcb and glibc's _pthread_cleanup_buffer, which start alike. */
struct em_cleanup { void (*routine)(void *); void *argument; struct em_cleanup *next; };
struct em_tls_dtor;    /* __cxa_thread_atexit_impl */
struct em_tls_block;   /* tls.c */

enum em_thread_state { EM_JOINABLE, EM_DETACHED, EM_JOINED };

#define EM_KEYS_MAX 1024
#define EM_KEYS_BLOCK 32

struct em_key_value { uintptr_t sequence; void *value; };

struct thread {
#if defined(__x86_64__)
    void *tcb;                 /* fs:0x00 */
    void *dtv;                 /* fs:0x08 */
    void *self;                /* fs:0x10 */
    int multiple_threads, gscope;
    uintptr_t sysinfo;         /* fs:0x20 */
    uintptr_t stack_guard;     /* fs:0x28, what -fstack-protector reads */
    uintptr_t pointer_guard;   /* fs:0x30 */
    uintptr_t reserved[9];     /* fs:0x38 split stacks, shadow stacks, … */
#endif
    int err;                   /* errno */
    int tid;                   /* cleared and woken by the kernel when the thread is gone (CLONE_CHILD_CLEARTID) */
    int id;                    /* the same for good, for events */
    struct thread *next, *prev;
    void *mapping;             /* what pthread_create mapped: guard, stack, TLS; 0 for the main thread */
    size_t mapping_size;
    void *area;                /* the static TLS area, as given to EM_TLS_INIT */
    char *stack_low;           /* lowest usable byte (above the guard) */
    size_t stack_size;         /* of the usable stack */
    size_t guard_size;
    uint64_t start_mask;       /* the signal mask it starts with */
    void *(*start)(void *);
    void *argument, *result;
    int state;                 /* enum em_thread_state */
    int join_waiters;
    int policy, priority;
    int cancel_state, cancel_type, cancel_pending;
    struct em_tls_block *tls_blocks;
    int cancel_now;            /* pending and enabled: what a cancellable system call looks at */
    int exiting;               /* 1: running its cleanup; 2: nothing of it runs any more but its last system call */
    struct em_cleanup *cleanup;
    void *unwind_buffers;      /* __pthread_unwind_buf_t, chained (pthread_cleanup_push of glibc's header in C) */
    struct em_tls_dtor *tls_dtors;
    struct em_key_value keys0[EM_KEYS_BLOCK];
    struct em_key_value *keys[EM_KEYS_MAX / EM_KEYS_BLOCK];
    int keys_used;
    char name[16];
    char *dl_error;            /* malloc'ed, or 0 */
    int dl_error_read;
    void *robust_mutexes;      /* those it holds, chained */
    uintptr_t unused[8];
} __attribute__((aligned(16)));

#if defined(__x86_64__)
static inline struct thread *em_self(void) {
    struct thread *self;
    __asm__("mov %%fs:0, %0" : "=r"(self));
    return self;
}
static inline void *em_thread_pointer(struct thread *t) { return t; }
static inline struct thread *em_thread_of(void *tp) { return tp; }
#else
static inline struct thread *em_thread_of(void *tp) { return (struct thread *)tp - 1; }
static inline void *em_thread_pointer(struct thread *t) { return t + 1; }
#if defined(__aarch64__)
static inline struct thread *em_self(void) {
    char *tp;
    __asm__("mrs %0, tpidr_el0" : "=r"(tp));
    return em_thread_of(tp);
}
#else
static inline struct thread *em_self(void) {
    char *tp;
    __asm__("mrc p15, 0, %0, c13, c0, 3" : "=r"(tp));
    return em_thread_of(tp);
}
#endif
#endif

#undef errno
#define errno (em_self()->err)

/* The C convention for a raw result: -1 and errno. */
static inline long em_result(long r) {
    if (UNLIKELY((unsigned long)r > -4096UL)) {
        errno = (int)-r;
        return -1;
    }
    return r;
}
#define em_syscall_errno(...) em_result(em_syscall(__VA_ARGS__))

/* The library's own locks: no events, not recursive. 0 free, 1 held, 2 held with waiters. */
HIDDEN void em_lock_slow(int *lock);
HIDDEN void em_unlock_slow(int *lock);
static inline void em_lock(int *lock) {
    int free = 0;
    if (UNLIKELY(!__atomic_compare_exchange_n(lock, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))) em_lock_slow(lock);
}
static inline void em_unlock(int *lock) {
    if (UNLIKELY(__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) == 2)) em_unlock_slow(lock);
}

/* 64-bit and 32-bit time, whatever the ABI's time_t is. */
struct em_ts64 { int64_t sec; int64_t nsec; };
struct em_ts32 { int32_t sec; int32_t nsec; };

/* FUTEX_WAIT with an absolute time limit on `clock` (0: CLOCK_REALTIME, 1: CLOCK_MONOTONIC), 0 for none.
 * Returns 0, -EAGAIN, -EINTR, -ETIMEDOUT. */
HIDDEN long em_futex_wait(volatile void *address, int value, int clock, const struct em_ts64 *limit);
HIDDEN long em_futex_wait_cancellable(volatile void *address, int value, int clock, const struct em_ts64 *limit);   /* also -ECANCELED */
HIDDEN long em_futex_wait_shared(volatile void *address, int value, int clock, const struct em_ts64 *limit);   /* cancellable, not private */
HIDDEN long em_futex_wake(volatile void *address, int count);

/* malloc.c (its own, whatever the program interposes). */
HIDDEN void *em_malloc(size_t);
HIDDEN void *em_calloc(size_t, size_t);
HIDDEN void *em_realloc(void *, size_t);
HIDDEN void *em_memalign(size_t align, size_t size);
HIDDEN void em_free(void *);

/* stdio.c: flush at exit. */
HIDDEN void em_stdio_exit(void);

/* unistd.c: mmap as the kernel answers it, the offset in bytes. */
HIDDEN long em_mmap(void *address, size_t size, int protection, int flags, int fd, int64_t offset);

/* exit.c */
HIDDEN NORETURN void em_exit(int status);
int em_atexit(void (*fn)(void)) __asm__("atexit");
HIDDEN void em_finish(void);   /* what crt's start gets as rtld_fini: nothing, exit does it */

/* start.c */
extern HIDDEN struct em_info em_process;
extern EXPORT char **environ;
extern EXPORT const int __emu_tcb_size;
HIDDEN NORETURN void em_fatal(const char *text);    /* text to fd 2, then abort() */

/* dlfcn.c */
HIDDEN void em_register_shutdown(void);   /* makes the linker's destructors a handler of exit */
HIDDEN void em_open_unwinder(void);
HIDDEN void em_lock_loader(void);
HIDDEN void em_unlock_loader(void);
HIDDEN em_word em_run_operation(long op, int locked);

/* pthread.c */
HIDDEN void em_thread_init_main(struct thread *self);
HIDDEN NORETURN void em_thread_exit(void *result);     /* pthread_exit */
HIDDEN NORETURN void em_thread_return(void *result);   /* the start routine's return */
HIDDEN void em_run_tls_dtors(struct thread *self);
HIDDEN void em_run_key_destructors(struct thread *self);
HIDDEN void em_abandon_robust(struct thread *self);
static inline void em_cleanup_push(struct em_cleanup *c, void (*routine)(void *), void *argument) {
    *c = (struct em_cleanup){routine, argument, em_self()->cleanup};
    em_self()->cleanup = c;
}
static inline void em_cleanup_pop(struct em_cleanup *c) { em_self()->cleanup = c->next; }
/* For a function that calls back between em_cleanup_push and em_cleanup_pop: if a C++ exception leaves the callback, the unwinder
 * has the cleanup run, by the personality routine that the unwind table names. It is the table of the function itself, with
 * EM_EXCEPTIONS_PASS() at its start (DW_EH_PE_pcrel | sdata4), except on ARM, where a C function cannot name one: there it is that
 * of em_call_back, through which EM_CALL_BACK(function, arguments) goes. */
#if defined(__arm__)
HIDDEN long em_call_back(void *function, ...);
#define EM_EXCEPTIONS_PASS() ((void)0)
#define EM_CALL_BACK(function, ...) em_call_back(function, ##__VA_ARGS__)
#else
#define EM_EXCEPTIONS_PASS() __asm__ volatile(".cfi_personality 0x1b, em_cleanup_personality")
#define EM_CALL_BACK(function, ...) (function)(__VA_ARGS__)
#endif
HIDDEN void em_testcancel(void);
HIDDEN NORETURN void em_thread_cancel(void);

/* A system call that is a cancellation point: -ECANCELED when the thread was asked to end before or while it waited.
 * em_cancellable_result ends the thread then. */
HIDDEN long em_cancellable(long nr, long a, long b, long c, long d, long e, long f);
HIDDEN long em_cancellable_result(long r);
#define em_c0_(n) em_cancellable(n, 0, 0, 0, 0, 0, 0)
#define em_c1_(n, a) em_cancellable(n, EM_L(a), 0, 0, 0, 0, 0)
#define em_c2_(n, a, b) em_cancellable(n, EM_L(a), EM_L(b), 0, 0, 0, 0)
#define em_c3_(n, a, b, c) em_cancellable(n, EM_L(a), EM_L(b), EM_L(c), 0, 0, 0)
#define em_c4_(n, a, b, c, d) em_cancellable(n, EM_L(a), EM_L(b), EM_L(c), EM_L(d), 0, 0)
#define em_c5_(n, a, b, c, d, e) em_cancellable(n, EM_L(a), EM_L(b), EM_L(c), EM_L(d), EM_L(e), 0)
#define em_c6_(n, a, b, c, d, e, f) em_cancellable(n, EM_L(a), EM_L(b), EM_L(c), EM_L(d), EM_L(e), EM_L(f))
#define em_syscall_cp(...) em_cancellable_result(em_pick_(__VA_ARGS__, em_c6_, em_c5_, em_c4_, em_c3_, em_c2_, em_c1_, em_c0_, 0)(__VA_ARGS__))
#define em_syscall_cp_errno(...) em_result(em_syscall_cp(__VA_ARGS__))

#endif
