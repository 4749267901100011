/*
 * Atomic operations for ARMv5, which has no instruction for them (LDREX came with ARMv6). Compilers emit calls of
 * __sync_*_4 instead; gcc keeps these in libgcc, zig has none. Linux offers a compare-and-exchange in the page at
 * 0xffff0000 that works on every CPU: Documentation/arch/arm/kernel_user_helpers.rst, kuser_cmpxchg.
 */
typedef int exchange(int old, int new, volatile int *address);
typedef void barrier(void);

#define kernel_exchange (*(exchange *)0xffff0fc0) /* answers 0 when it stored */
#define kernel_barrier (*(barrier *)0xffff0fa0)
#define hidden __attribute__((visibility("hidden"), weak)) /* one copy, however often this file is linked */

/* The compiler knows these names as built-in functions, so they are given to C under others. */
hidden int compare_and_swap(volatile int *address, int old, int new) __asm__("__sync_val_compare_and_swap_4");
hidden int test_and_set(volatile int *address, int new) __asm__("__sync_lock_test_and_set_4");
hidden void synchronize(void) __asm__("__sync_synchronize");

int compare_and_swap(volatile int *address, int old, int new) {
    for (;;) {
        int seen = *address;
        if (seen != old) return seen;
        if (kernel_exchange(old, new, address) == 0) return old;
    }
}

int test_and_set(volatile int *address, int new) {
    for (;;) {
        int seen = *address;
        if (kernel_exchange(seen, new, address) == 0) return seen;
    }
}

void synchronize(void) { kernel_barrier(); }

#define FETCH_AND(name, expression)                                                               \
    hidden int name(volatile int *address, int value) __asm__("__sync_fetch_and_" #name "_4");    \
    int name(volatile int *address, int value) {                                                  \
        for (;;) {                                                                                \
            int seen = *address;                                                                  \
            if (kernel_exchange(seen, expression, address) == 0) return seen;                     \
        }                                                                                         \
    }

FETCH_AND(add, seen + value)
FETCH_AND(sub, seen - value)
FETCH_AND(and, seen &value)
FETCH_AND(or, seen | value)
FETCH_AND(xor, seen ^ value)
