/* Compares the emulated C library's functions with the host's. The library is loaded beside the host's; EMU(name) is
 * its function of that name. Each check that differs prints one line; main returns how many did. */
#ifndef ORACLE_H
#define ORACLE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *library;
static long checks, differences;

static void *symbol(const char *name) {
    void *address = dlsym(library, name);
    if (!address) {
        fprintf(stderr, "missing: %s\n", name);
        exit(99);
    }
    return address;
}
#define EMU(name) ((__typeof(&name))symbol(#name))

static void open_library(int argc, char **argv) {
    if (argc < 2 || !(library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL))) {
        fprintf(stderr, "usage: %s LIBRARY: %s\n", argv[0], argc < 2 ? "no library" : dlerror());
        exit(99);
    }
}

static void differ(const char *format, ...) {
    if (++differences > 40) return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stdout, format, arguments);
    va_end(arguments);
    putchar('\n');
}

static int report(void) {
    printf("%ld checks, %ld differences\n", checks, differences);
    return differences > 100 ? 100 : (int)differences;
}

/* xorshift64*: the same inputs in every run. */
static uint64_t random_state = 88172645463325252ull;
static uint64_t random_bits(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 2685821657736338717ull;
}
static unsigned random_below(unsigned n) { return (unsigned)((random_bits() >> 16) % n); }

/* Doubles of all kinds: any bits, short decimals, ties, integers, subnormal numbers. */
static inline double random_double(void) {
    union { uint64_t bits; double value; } u = {random_bits()};
    switch (random_below(10)) {
    case 0: return (double)(int64_t)random_bits();
    case 1: return (double)(int)random_below(100000) / 1000;
    case 2: return (double)(int)random_below(1 << 20) / 1024;
    case 3: u.bits &= ~0ull << random_below(60); return u.value;
    case 4: u.bits &= 0x800fffffffffffff; return u.value;
    case 5: u.bits = (u.bits & 0x800fffffffffffff) | (uint64_t)(1023 - 40 + random_below(100)) << 52; return u.value;
    case 6: {
        static const double special[] = {0, -0.0, 1, -1, 0.5, 1e22, 1e23, 9.5, 99.5, 0.1, 1e-5, 123456, 1e15, 1e16, 9.9999995,
                                         999999.5, 0.0001, 0.00009999995, 1.0 / 0.0, -1.0 / 0.0, 0.0 / 0.0, 5e-324, 1.7976931348623157e308, 2.5, 3.5};
        return special[random_below(sizeof special / sizeof *special)];
    }
    default: return u.value;
    }
}
static inline long double random_long_double(void) {
    if (random_below(3) == 0) return random_double();
    union { struct { uint64_t low; uint16_t high; } bits; long double value; } u;
    memset(&u, 0, sizeof u);
    u.bits.low = random_bits() | 1ull << 63;
    u.bits.high = (uint16_t)random_bits();
    if (random_below(2)) u.bits.high = (uint16_t)((u.bits.high & 0x8000) | (16383 - 60 + random_below(120)));
    if (random_below(4) == 0) u.bits.low &= ~0ull << random_below(64);
    u.bits.low |= 1ull << 63;
    if (random_below(20) == 0) u.bits.high &= 0x8000;
    if (!(u.bits.high & 0x7fff)) u.bits.low &= ~(1ull << 63);
    if ((u.bits.high & 0x7fff) == 0x7fff) u.bits.low = 1ull << 63;
    return u.value;
}

#endif
