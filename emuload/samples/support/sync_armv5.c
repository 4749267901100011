/*
 * Atomic operations for ARMv5, which has no instruction for them (LDREX came with ARMv6). Compilers call
 * __sync_* functions instead; gcc keeps those in libgcc, zig has none. Linux offers a compare-and-exchange of words in
 * the page at 0xffff0000 that works on every CPU: Documentation/arch/arm/kernel_user_helpers.rst, kuser_cmpxchg.
 * A byte or half word is exchanged as a part of its word.
 */
#include <stdint.h>

typedef uint32_t word;
typedef int exchange(word old, word new, volatile word *address);
typedef void barrier(void);

#define kernel_exchange (*(exchange *)0xffff0fc0) /* answers 0 when it stored */
#define kernel_barrier (*(barrier *)0xffff0fa0)

/* Hidden and weak: one copy in each library, however often this file is linked to it. */
#define OWN __attribute__((visibility("hidden"), weak))

/* The compiler knows these functions as built-in ones, so C gets them under names of its own. */
#define NAMED(symbol, size) __asm__("__sync_" #symbol "_" #size)

OWN void synchronize(void) __asm__("__sync_synchronize");
void synchronize(void) { kernel_barrier(); }

static volatile word *word_of(volatile void *address) { return (volatile word *)((uintptr_t)address & ~3u); }
static word shift_of(volatile void *address, int size) { return size == 4 ? 0 : ((uintptr_t)address & 3) * 8; }

#define SWAPS(size, type)                                                                              \
    OWN type compare_and_swap_##size(volatile type *, type, type) NAMED(val_compare_and_swap, size);   \
    type compare_and_swap_##size(volatile type *address, type old, type new) {                         \
        volatile word *place = word_of(address);                                                       \
        word shift = shift_of(address, size), mask = (word)(type)-1 << shift;                          \
        for (;;) {                                                                                     \
            word seen = *place;                                                                        \
            if ((type)(seen >> shift) != old) return (type)(seen >> shift);                            \
            if (kernel_exchange(seen, (seen & ~mask) | (word)new << shift, place) == 0) return old;    \
        }                                                                                              \
    }

#define FETCH(symbol, size, type, expression)                                                          \
    OWN type symbol##_##size(volatile type *, type) NAMED(symbol, size);                               \
    type symbol##_##size(volatile type *address, type value) {                                         \
        volatile word *place = word_of(address);                                                       \
        word shift = shift_of(address, size), mask = (word)(type)-1 << shift;                          \
        for (;;) {                                                                                     \
            word seen = *place;                                                                        \
            type old = (type)(seen >> shift), new = (type)(expression);                                \
            if (kernel_exchange(seen, (seen & ~mask) | (word)new << shift, place) == 0) return old;    \
        }                                                                                              \
    }

#define FAMILY(size, type)                                            \
    SWAPS(size, type)                                                 \
    FETCH(lock_test_and_set, size, type, value)                       \
    FETCH(fetch_and_add, size, type, old + value)                     \
    FETCH(fetch_and_sub, size, type, old - value)                     \
    FETCH(fetch_and_and, size, type, old &value)                      \
    FETCH(fetch_and_or, size, type, old | value)                      \
    FETCH(fetch_and_xor, size, type, old ^ value)                     \
    FETCH(fetch_and_nand, size, type, ~(old & value))                 \
    FETCH(fetch_and_umax, size, type, old > value ? old : value)      \
    FETCH(fetch_and_umin, size, type, old < value ? old : value)

FAMILY(1, uint8_t)
FAMILY(2, uint16_t)
FAMILY(4, uint32_t)
