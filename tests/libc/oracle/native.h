/* Stands in for internal.h when the text, number and memory half of the emulated C library is compiled to run
 * natively on Linux beside the host's own C library, which is the oracle it is compared with. Threads,
 * errno, the environment and abort are the host's. */
#ifndef EMULOAD_INTERNAL_H
#define EMULOAD_INTERNAL_H

#include <asm/unistd.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include "host.h"

/* The break belongs to the host's malloc; without it the heap takes mappings. */
#undef __NR_brk
#define __NR_brk 9999

#define EXPORT __attribute__((visibility("default")))
#define HIDDEN __attribute__((visibility("hidden")))
#define WEAK __attribute__((weak))
#define NORETURN __attribute__((noreturn))
#define ALIAS(name) __attribute__((alias(#name), visibility("default")))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

extern char **environ;
static const struct { unsigned long flags; } em_process;
void abort(void) NORETURN;

static inline void *em_self(void) { return __errno_location(); }

static inline long em_result(long r) {
    if ((unsigned long)r > -4096UL) {
        errno = (int)-r;
        return -1;
    }
    return r;
}
#define em_syscall_errno(...) em_result(em_syscall(__VA_ARGS__))

static inline void em_lock(int *lock) {
    while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
        em_syscall(24 /* sched_yield */);
}
static inline void em_unlock(int *lock) { __atomic_store_n(lock, 0, __ATOMIC_RELEASE); }

static inline NORETURN void em_fatal(const char *text) {
    size_t n = 0;
    while (text[n]) n++;
    em_syscall(1, 2, text, n);
    abort();
}

HIDDEN void *em_malloc(size_t);
HIDDEN void *em_calloc(size_t, size_t);
HIDDEN void *em_realloc(void *, size_t);
HIDDEN void *em_memalign(size_t align, size_t size);
HIDDEN void em_free(void *);
HIDDEN void em_stdio_exit(void);

/* EM_EVENT would be a system call no Linux has. */
#undef EM_EVENT
#define EM_EVENT(kind, a, b, c, d) ((void)0)

#endif
