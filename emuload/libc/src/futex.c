/* Waiting and waking on a word: futex(2), and the library's own plain lock. */
#include <asm/unistd.h>
#include <linux/futex.h>
#include "timeconv.h"

typedef long syscall6(long nr, long a, long b, long c, long d, long e, long f);

static inline long wait_by(syscall6 *call, volatile void *address, int private, int value, int clock, const struct em_ts64 *limit) {
    int op = FUTEX_WAIT_BITSET | private | (clock == 0 && limit ? FUTEX_CLOCK_REALTIME : 0);
    if (limit && limit->sec < 0) return -ETIMEDOUT;
#if __SIZEOF_LONG__ == 4
    long r = call(__NR_futex_time64, EM_L(address), op, value, EM_L(limit), 0, FUTEX_BITSET_MATCH_ANY);
    if (r != -ENOSYS) return r;   /* a kernel before 5.1 */
    struct em_ts32 narrow;
    if (limit) em_ts_out(&narrow, 0, limit);
    return call(__NR_futex, EM_L(address), op, value, limit ? EM_L(&narrow) : 0, 0, FUTEX_BITSET_MATCH_ANY);
#else
    return call(__NR_futex, EM_L(address), op, value, EM_L(limit), 0, FUTEX_BITSET_MATCH_ANY);
#endif
}

HIDDEN long em_futex_wait(volatile void *address, int value, int clock, const struct em_ts64 *limit) {
    return wait_by(em_sys6, address, FUTEX_PRIVATE_FLAG, value, clock, limit);
}

HIDDEN long em_futex_wait_cancellable(volatile void *address, int value, int clock, const struct em_ts64 *limit) {
    return wait_by(em_cancellable, address, FUTEX_PRIVATE_FLAG, value, clock, limit);
}

HIDDEN long em_futex_wait_shared(volatile void *address, int value, int clock, const struct em_ts64 *limit) {
    return wait_by(em_cancellable, address, 0, value, clock, limit);
}

HIDDEN long em_futex_wake(volatile void *address, int count) {
    return em_syscall(__NR_futex, address, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count);
}

HIDDEN void em_lock_slow(int *lock) {
    while (__atomic_exchange_n(lock, 2, __ATOMIC_ACQUIRE) != 0) em_futex_wait(lock, 2, 0, 0);
}

HIDDEN void em_unlock_slow(int *lock) { em_futex_wake(lock, 1); }
