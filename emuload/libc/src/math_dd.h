/* Sums of two doubles, |lo| at most half a unit in hi's last place: about 107 bits. Dekker, "A floating-point
 * technique for extending the available precision"; Knuth 4.2.2. They need round-to-nearest, and products
 * below 2^996 in magnitude. */
#ifndef EMU_MATH_DD_H
#define EMU_MATH_DD_H

#include "lib.h"

typedef struct { double hi, lo; } dd;

/* a + b for |a| >= |b| or a = 0. */
static inline dd sum_ordered(double a, double b) {
    double s = a + b;
    return (dd){s, b - (s - a)};
}
static inline dd sum_exact(double a, double b) {
    double s = a + b, t = s - a;
    return (dd){s, (a - (s - t)) + (b - t)};
}
static inline void halves(double a, double *high, double *low) {
    double t = 134217729.0 * a; /* 2^27 + 1 */
    *high = t - (t - a);
    *low = a - *high;
}
static inline dd product_exact(double a, double b) {
    double p = a * b, ah, al, bh, bl;
    halves(a, &ah, &al);
    halves(b, &bh, &bl);
    return (dd){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}
static inline dd dd_add(dd a, dd b) {
    dd s = sum_exact(a.hi, b.hi), t = sum_exact(a.lo, b.lo);
    s = sum_ordered(s.hi, s.lo + t.hi);
    return sum_ordered(s.hi, s.lo + t.lo);
}
static inline dd dd_neg(dd a) { return (dd){-a.hi, -a.lo}; }
static inline dd dd_sub(dd a, dd b) { return dd_add(a, dd_neg(b)); }
static inline dd dd_add_d(dd a, double b) {
    dd s = sum_exact(a.hi, b);
    return sum_ordered(s.hi, s.lo + a.lo);
}
static inline dd dd_mul(dd a, dd b) {
    dd p = product_exact(a.hi, b.hi);
    return sum_ordered(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}
static inline dd dd_mul_d(dd a, double b) {
    dd p = product_exact(a.hi, b);
    return sum_ordered(p.hi, p.lo + a.lo * b);
}
static inline dd dd_div(dd a, dd b) {
    double q = a.hi / b.hi;
    dd rest = dd_sub(a, dd_mul_d(b, q));
    return sum_ordered(q, (rest.hi + rest.lo) / b.hi);
}
static inline dd dd_scaled(dd a, double power_of_2) { return (dd){a.hi * power_of_2, a.lo * power_of_2}; }
static inline dd dd_of(double a) { return (dd){a, 0}; }
double sqrt(double x);
static inline dd dd_sqrt(dd a) {
    if (a.hi == 0) return a;
    double s = sqrt(a.hi);
    dd rest = dd_sub(a, product_exact(s, s));
    return sum_ordered(s, rest.hi / (s + s));
}

static inline uint64_t bits_of(double x) {
    union { double x; uint64_t bits; } u = {x};
    return u.bits;
}
static inline double from_bits(uint64_t bits) {
    union { uint64_t bits; double x; } u = {bits};
    return u.x;
}
static inline double magnitude(double x) { return from_bits(bits_of(x) << 1 >> 1); }
static inline double with_sign(double x, double sign) {
    return from_bits((bits_of(x) << 1 >> 1) | (bits_of(sign) & 1ull << 63));
}
static inline bool is_nan(double x) { return x != x; }
static inline bool is_infinite(double x) { return bits_of(x) << 1 == 0x7ffull << 53; }
/* 2^n for -1022 <= n <= 1023. */
static inline double power_of_2(int n) { return from_bits((uint64_t)(n + 1023) << 52); }
/* x rounded to an integer, for |x| < 2^51. */
static inline double nearest(double x) { return (x + 0x1.8p52) - 0x1.8p52; }

/* The cores; their results are good to 2^-68 or better, relative to the result. */
HIDDEN dd emu_exp(dd x, int *exponent);      /* e^x = result x 2^exponent, for |x| < 2^20 */
HIDDEN dd emu_exp2(double x, int *exponent); /* 2^x the same way */
HIDDEN dd emu_expm1(dd x);                   /* e^x - 1, for |x| < 700 */
HIDDEN dd emu_log(dd x);                     /* ln x for finite x > 0 */
HIDDEN dd emu_log1p(dd x);                   /* ln(1 + x) for finite x > -1 */
HIDDEN dd emu_atan2(dd y, dd x);             /* the angle of (x, y) for x, y >= 0, not both 0 */
HIDDEN unsigned emu_reduce(double x, dd *rest); /* x = quadrant x pi/2 + rest, |rest| <= pi/4; the quadrant mod 4; x finite */
HIDDEN void emu_sine_cosine(dd x, dd *sine, dd *cosine); /* |x| <= pi/4 */
HIDDEN double emu_scale(dd x, int exponent); /* x 2^exponent, rounded once; sets errno when that is too large or small */

/* Results of the functions at their limits (math_error(7)); errno is set. */
static inline double domain_error(double x) {
    if (!is_nan(x)) errno = EDOM;
    return (x - x) / (x - x);
}
static inline double pole_error(double sign) {
    errno = ERANGE;
    return with_sign(__builtin_inf(), sign);
}
static inline double overflow_error(double sign) {
    errno = ERANGE;
    return with_sign(__builtin_inf(), sign);
}

#endif
