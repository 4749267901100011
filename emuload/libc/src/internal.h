/* What the library's own files share. Everything is hidden unless marked EXPORT.
 *
 * The per-thread block. On amd64 (TLS variant II) it starts at the thread pointer, its head being the
 * TCB the psABI and compilers know (fs:0 itself, fs:8 the DTV, fs:0x28 the stack guard). On ARM and
 * AArch64 (variant I) the TCB {DTV, reserved} is at the thread pointer and this block ends right below
 * it: block = tp - __emu_tcb_size. The loader lays out static TLS around it and zero-fills it. */
#ifndef EMULOAD_INTERNAL_H
#define EMULOAD_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
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
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

struct em_cleanup;     /* _pthread_cleanup_buffer */
struct em_tls_dtor;    /* __cxa_thread_atexit_impl */

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
    struct thread *next, *prev;
    void *mapping;             /* what pthread_create mapped: guard, stack, TLS; 0 for the main thread */
    size_t mapping_size;
    void *area;                /* the static TLS area, as given to EM_TLS_INIT */
    char *stack_low;           /* lowest usable byte (above the guard) */
    size_t stack_size;         /* of the usable stack */
    size_t guard_size;
    void *(*start)(void *);
    void *argument, *result;
    int state;                 /* enum em_thread_state */
    int join_waiters;
    int policy, priority;
    int cancel_state, cancel_type, cancel_pending, cancel_seen;
    int exiting;
    struct em_cleanup *cleanup;
    struct em_tls_dtor *tls_dtors;
    struct em_key_value keys0[EM_KEYS_BLOCK];
    struct em_key_value *keys[EM_KEYS_MAX / EM_KEYS_BLOCK];
    int keys_used;
    char name[16];
    char *dl_error;            /* malloc'ed, or 0 */
    int dl_error_read;
    void *robust_head[3];      /* struct robust_list_head */
    uintptr_t unused[8];
} __attribute__((aligned(64)));

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
HIDDEN long em_futex_wake(volatile void *address, int count);

/* malloc.c (its own, whatever the program interposes). */
HIDDEN void *em_malloc(size_t);
HIDDEN void *em_calloc(size_t, size_t);
HIDDEN void *em_realloc(void *, size_t);
HIDDEN void *em_memalign(size_t align, size_t size);
HIDDEN void em_free(void *);

/* stdio.c: flush at exit. */
HIDDEN void em_stdio_exit(void);

/* start.c */
extern HIDDEN struct em_info em_process;
extern EXPORT char **environ;
extern EXPORT int __emu_tcb_size;
HIDDEN NORETURN void em_fatal(const char *text);    /* text to fd 2, then abort() */
HIDDEN void em_run_constructors(long op);

/* pthread.c */
HIDDEN void em_thread_init_main(struct thread *self);
HIDDEN NORETURN void em_thread_exit(void *result);
HIDDEN void em_run_tls_dtors(struct thread *self);
HIDDEN void em_testcancel(void);

#endif
