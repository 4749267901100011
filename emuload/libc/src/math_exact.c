/* math.h: the functions whose results are exact: parts of numbers, rounding to integers, remainders, neighbours; the
 * square root and the fused product, which round once. math_exact.h has those that are written alike for each type. */
#include "lib.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

#define T float
#define F(name) JOIN(name, f)
#define G(name) JOIN(float_, name)
#define MANTISSA_BITS FLT_MANT_DIG
#define LEAST_EXPONENT (FLT_MIN_EXP - 1)
#define MOST_EXPONENT (FLT_MAX_EXP - 1)
#define EPSILON FLT_EPSILON
#define HUGE FLT_MAX
#define FIELD uint32_t
#define FIELD_INDEX 0
#define FIELD_SHIFT 23
#define FIELD_MASK 0xff
#define FIELD_BIAS 127
#define SIGN_SHIFT 31
#include "math_exact.h"

#undef T
#undef F
#undef G
#undef MANTISSA_BITS
#undef LEAST_EXPONENT
#undef MOST_EXPONENT
#undef EPSILON
#undef HUGE
#undef FIELD_INDEX
#undef FIELD_SHIFT
#undef FIELD_MASK
#undef FIELD_BIAS
#define T double
#define F(name) name
#define G(name) JOIN(double_, name)
#define MANTISSA_BITS DBL_MANT_DIG
#define LEAST_EXPONENT (DBL_MIN_EXP - 1)
#define MOST_EXPONENT (DBL_MAX_EXP - 1)
#define EPSILON DBL_EPSILON
#define HUGE DBL_MAX
#define FIELD_INDEX 1
#define FIELD_SHIFT 20
#define FIELD_MASK 0x7ff
#define FIELD_BIAS 1023
#include "math_exact.h"

#undef T
#undef F
#undef G
#undef MANTISSA_BITS
#undef LEAST_EXPONENT
#undef MOST_EXPONENT
#undef EPSILON
#undef HUGE
#define T long double
#define F(name) JOIN(name, l)
#define G(name) JOIN(long_, name)
#define MANTISSA_BITS LDBL_MANT_DIG
#define LEAST_EXPONENT (LDBL_MIN_EXP - 1)
#define MOST_EXPONENT (LDBL_MAX_EXP - 1)
#define EPSILON LDBL_EPSILON
#define HUGE LDBL_MAX
#if LDBL_MANT_DIG != 53
#undef FIELD
#undef FIELD_INDEX
#undef FIELD_SHIFT
#undef FIELD_MASK
#undef FIELD_BIAS
#undef SIGN_SHIFT
#define FIELD uint16_t
#define FIELD_INDEX (LDBL_MANT_DIG == 64 ? 4 : 7)
#define FIELD_SHIFT 0
#define FIELD_MASK 0x7fff
#define FIELD_BIAS 16383
#define SIGN_SHIFT 15
#endif
#include "math_exact.h"

/* -- square roots ---------------------------------------------------------------------------- */

/* 1 if the machine has an instruction for it. */
#if defined(__x86_64__) || defined(__aarch64__) || (defined(__ARM_FP) && !defined(__SOFTFP__))
#define ROOT_INSTRUCTION 1
#endif

#ifndef ROOT_INSTRUCTION
/* The integer part of the root of n 2^(2 extra): two bits of n give one. */
static uint64_t integer_root(uint64_t n, int extra) {
    uint64_t root = 0, rest = 0;
    for (int i = 31; i >= -extra; i--) {
        rest = rest << 2 | (i >= 0 ? n >> 2 * i & 3 : 0);
        uint64_t trial = root << 2 | 1;
        root <<= 1;
        if (rest >= trial) {
            rest -= trial;
            root |= 1;
        }
    }
    return root;
}
#endif

EXPORT double sqrt(double x) {
    if (x < 0) errno = EDOM;
#ifdef ROOT_INSTRUCTION
    return __builtin_sqrt(x);
#else
    if (x == 0 || double_unusual(x)) return x < 0 ? (x - x) / (x - x) : x;
    if (x < 0) return (x - x) / (x - x);
    int exponent = double_exponent(x);
    union { double x; uint64_t bits; } u = {double_field(x) ? x : x * 0x1p53};
    uint64_t significand = (u.bits & ((1ull << 52) - 1)) | 1ull << 52;
    if (exponent & 1) significand <<= 1;
    /* 2^52 <= n < 2^54 and 27 more pairs of bits: a root of 54 bits, the last one for rounding; a tie cannot be. */
    uint64_t root = (integer_root(significand, 27) + 1) >> 1;
    return scalbn((double)(int64_t)root, (exponent - (exponent & 1)) / 2 - 52);
#endif
}

EXPORT float sqrtf(float x) {
#ifdef ROOT_INSTRUCTION
    if (x < 0) errno = EDOM;
    return __builtin_sqrtf(x);
#else
    return (float)sqrt(x); /* 53 bits are enough for the second rounding to do no harm */
#endif
}

#if LDBL_MANT_DIG == 113
long double sqrtf128(long double x);
EXPORT long double sqrtl(long double x) {
    if (x < 0) errno = EDOM;
    return sqrtf128(x);
}
#elif LDBL_MANT_DIG == 64
EXPORT long double sqrtl(long double x) {
    if (x < 0) errno = EDOM;
    return __builtin_sqrtl(x);
}
#else
EXPORT long double sqrtl(long double x) { return sqrt(x); }
#endif
ALSO(__sqrt_finite, sqrt);
ALSO(__sqrtf_finite, sqrtf);

/* -- x y + z with one rounding ----------------------------------------------------------------- */

typedef unsigned _BitInt(128) bits128;

struct wide_number { bits128 significand; int exponent; bool negative; };

/* The leading bit to bit 126. x is finite and not 0. */
static struct wide_number widen(bits128 significand, int exponent, bool negative) {
    while (!(significand >> 126)) {
        int n = significand >> 94 ? 1 : 32;
        if (n == 1) while (!(significand >> (126 - n))) n++;
        significand <<= n;
        exponent -= n;
    }
    return (struct wide_number){significand, exponent, negative};
}

static uint64_t take_significand(double x, int *exponent) {
    union { double x; uint64_t bits; } u = {x};
    unsigned field = double_field(x);
    *exponent = (int)(field ? field : 1) - 1075;
    return (u.bits & ((1ull << 52) - 1)) | (uint64_t)(field != 0) << 52;
}

static double round_wide(struct wide_number n, int lost) {
    /* value = significand 2^exponent; keep 53 bits, or fewer below the normal numbers */
    int leading = 126 + n.exponent, drop = 126 - 52;
    if (leading < -1022) drop += -1022 - leading;
    if (drop > 127) { /* less than half of the smallest number */
        errno = ERANGE;
        return n.negative ? -0.0 : 0.0;
    }
    uint64_t kept = (uint64_t)(n.significand >> drop);
    bits128 rest = n.significand & (((bits128)1 << drop) - 1), half = (bits128)1 << (drop - 1);
    if (rest > half || (rest == half && (lost || kept & 1))) kept++;
    double result = scalbn((double)(int64_t)kept, n.exponent + drop);
    return n.negative ? -result : result;
}

EXPORT double fma(double x, double y, double z) {
    if (x == 0 || y == 0 || double_unusual(x) || double_unusual(y)) return x * y + z;
    if (double_unusual(z)) return z + z;
    int ex, ey, ez;
    uint64_t mx = take_significand(x, &ex), my = take_significand(y, &ey), mz = take_significand(z, &ez);
    struct wide_number p = widen((bits128)mx * my, ex + ey, double_negative(x) != double_negative(y));
    if (z == 0) return round_wide(p, 0);
    struct wide_number q = widen(mz, ez, double_negative(z));
    if (p.exponent < q.exponent || (p.exponent == q.exponent && p.significand < q.significand)) {
        struct wide_number kept = p;
        p = q;
        q = kept;
    }
    int shift = p.exponent - q.exponent;
    bits128 small = shift > 126 ? 0 : q.significand >> shift;
    bool lost = shift > 126 || (q.significand & (((bits128)1 << shift) - 1)) != 0;
    bits128 sum;
    if (p.negative == q.negative) {
        sum = p.significand + small;
    } else {
        sum = p.significand - small - lost; /* what was cut off makes it a little more again */
        if (!sum && !lost) return x * y + z;
    }
    if (sum >> 127) {
        lost |= sum & 1;
        sum >>= 1;
        p.exponent++;
    }
    return round_wide(widen(sum, p.exponent, p.negative), lost);
}

/* The product is exact in double; its sum with z is made odd when it is not, so that the second rounding is the only one. */
EXPORT float fmaf(float x, float y, float z) {
    double p = (double)x * y, s = p + z;
    if (double_unusual(s)) return (float)s;
    double t = s - p, error = (p - (s - t)) + (z - t);
    union { double x; uint64_t bits; } u = {s};
    if (error != 0 && !(u.bits & 1)) u.bits += (error > 0) == (s > 0) ? 1 : -1;
    return (float)u.x;
}

#if LDBL_MANT_DIG == 113
long double fmaf128(long double x, long double y, long double z);
EXPORT long double fmal(long double x, long double y, long double z) { return fmaf128(x, y, z); }
#elif LDBL_MANT_DIG == 64
long double __fmax(long double x, long double y, long double z);
EXPORT long double fmal(long double x, long double y, long double z) { return __fmax(x, y, z); }
#else
EXPORT long double fmal(long double x, long double y, long double z) { return fma(x, y, z); }
#endif

EXPORT double nan(const char *tag) { return __builtin_nan(""); }
EXPORT float nanf(const char *tag) { return __builtin_nanf(""); }
EXPORT long double nanl(const char *tag) { return __builtin_nanl(""); }
