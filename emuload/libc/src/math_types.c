/* math.h: the elementary functions for float and long double.
 *
 * A float's result is the double's, rounded. A long double is double on 32-bit ARM. On the other machines sin to log10 come
 * from the compiler's run-time library at full precision, and what is built on them here is good to a few units in
 * the last place of a double's neighbourhood; none of it is exact to the last of 64 or 113 bits. */
#include "math_dd.h"

#define ONE(name) double name(double);
#define TWO(name) double name(double, double);
#define ONES(X) \
    X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(exp) X(exp2) X(exp10) X(expm1) X(log) X(log2) X(log10) X(log1p) X(cbrt) X(sinh) \
    X(cosh) X(tanh) X(asinh) X(acosh) X(atanh) X(erf) X(erfc) X(tgamma) X(lgamma)
#define TWOS(X) X(pow) X(atan2) X(hypot)
ONES(ONE)
TWOS(TWO)
double lgamma_r(double x, int *sign);

/* The double function's errno is right unless the result leaves float's range only. */
static float to_float(double result) {
    float f = (float)result;
    if ((is_infinite((double)f) && !is_infinite(result)) || (f == 0 && result != 0)) errno = ERANGE;
    return f;
}

#define FLOAT_ONE(name) EXPORT float name##f(float x) { return to_float(name((double)x)); }
#define FLOAT_TWO(name) EXPORT float name##f(float x, float y) { return to_float(name((double)x, (double)y)); }
ONES(FLOAT_ONE)
TWOS(FLOAT_TWO)
ALSO(pow10f, exp10f);
EXPORT void sincosf(float x, float *sine, float *cosine) {
    *sine = sinf(x);
    *cosine = cosf(x);
}
EXPORT float lgammaf_r(float x, int *sign) { return to_float(lgamma_r((double)x, sign)); }

#if LDBL_MANT_DIG == 53

#define LONG_ONE(name) EXPORT long double name##l(long double x) { return name((double)x); }
#define LONG_TWO(name) EXPORT long double name##l(long double x, long double y) { return name((double)x, (double)y); }
ONES(LONG_ONE)
TWOS(LONG_TWO)

#else

#if LDBL_MANT_DIG == 64
#define RUNTIME(name) __##name##x
#else
#define RUNTIME(name) name##f128
#endif

#define FROM_RUNTIME(name) \
    long double RUNTIME(name)(long double); \
    EXPORT long double name##l(long double x) { return RUNTIME(name)(x); }
FROM_RUNTIME(sin)
FROM_RUNTIME(cos)
FROM_RUNTIME(tan)
FROM_RUNTIME(exp)
FROM_RUNTIME(exp2)
FROM_RUNTIME(log)
FROM_RUNTIME(log2)
FROM_RUNTIME(log10)

/* Through two doubles, for arguments a double's exponent can hold. */
static dd split(long double x) {
    double hi = (double)x;
    return is_infinite(hi) || is_nan(hi) ? dd_of(hi) : (dd){hi, (double)(x - hi)};
}
static long double join(dd x) { return (long double)x.hi + x.lo; }
static long double abs_long(long double x) { return x < 0 ? -x : x; }
long double sqrtl(long double x);
long double floorl(long double x);
long double ldexpl(long double x, int n);
long double copysignl(long double x, long double y);
long double fmodl(long double x, long double y);

EXPORT long double expm1l(long double x) {
    if (abs_long(x) < 0x1p-70L) return x;
    return abs_long(x) < 500 ? join(emu_expm1(split(x))) : expl(x) - 1;
}
EXPORT long double log1pl(long double x) {
    if (abs_long(x) < 0x1p-70L) return x;
    return x > -1 && x < 1 ? join(emu_log1p(split(x))) : logl(1 + x);
}
EXPORT long double exp10l(long double x) {
    if (!(abs_long(x) < 290)) return exp2l(x * 3.32192809488736234787031942948939018L);
    int exponent;
    static const dd ln10 = {0x1.26bb1bbb55516p+1, -0x1.f48ad494ea3e9p-53};
    dd result = emu_exp(dd_mul(split(x), ln10), &exponent);
    return ldexpl(join(result), exponent);
}
EXPORT long double atan2l(long double y, long double x) {
    double a = (double)abs_long(y), b = (double)abs_long(x);
    if (!(a > 0x1p-300 && a < 0x1p300 && b > 0x1p-300 && b < 0x1p300)) return atan2((double)y, (double)x);
    long double angle = join(emu_atan2(split(abs_long(y)), split(abs_long(x))));
    if (x < 0) angle = 3.14159265358979323846264338327950288L - angle;
    return copysignl(angle, y);
}
EXPORT long double atanl(long double x) { return abs_long(x) < 0x1p-40L ? x - x * x * x / 3 : atan2l(x, 1); }
EXPORT long double asinl(long double x) { return abs_long(x) > 1 ? asin((double)x) : abs_long(x) < 0x1p-40L ? x : atan2l(x, sqrtl((1 - x) * (1 + x))); }
EXPORT long double acosl(long double x) { return abs_long(x) > 1 ? acos((double)x) : atan2l(sqrtl((1 - x) * (1 + x)), x); }

EXPORT long double powl(long double x, long double y) {
    if (x == 0 || y == 0 || x == 1 || x != x || y != y || abs_long(x) > LDBL_MAX || abs_long(y) > LDBL_MAX) return pow((double)x, (double)y);
    bool odd = abs_long(y) < 1 / LDBL_EPSILON && fmodl(y, 2) != 0;
    if (x < 0 && floorl(y) != y) return domain_error(-1);
    long double size = abs_long(x), result;
    if (abs_long(y) <= 64 && floorl(y) == y) { /* whole powers by squaring */
        unsigned n = (unsigned)abs_long(y);
        result = 1;
        for (long double square = size; n; n >>= 1, square *= square)
            if (n & 1) result *= square;
        if (y < 0) result = 1 / result;
    } else {
        double hi = (double)size;
        if (hi > 0x1p-1000 && hi < 0x1p1000 && abs_long(y) < 0x1p100L) {
            dd power = dd_mul(emu_log(split(size)), split(y));
            double limit = power.hi < 0 ? -power.hi : power.hi;
            if (limit < 12000) {
                int exponent;
                dd e = emu_exp(power, &exponent);
                result = ldexpl(join(e), exponent);
            } else {
                result = power.hi > 0 ? LDBL_MAX * 2 : 0;
            }
        } else {
            result = exp2l(y * log2l(size));
        }
    }
    return x < 0 && odd ? -result : result;
}
EXPORT long double hypotl(long double x, long double y) {
    x = abs_long(x), y = abs_long(y);
    if (x > LDBL_MAX || y > LDBL_MAX) return LDBL_MAX * 2;
    if (x != x || y != y) return x + y;
    long double large = x > y ? x : y, small = x > y ? y : x;
    if (small == 0) return large;
    long double ratio = small / large;
    return large * sqrtl(1 + ratio * ratio);
}
EXPORT long double cbrtl(long double x) {
    if (x == 0 || x != x || abs_long(x) > LDBL_MAX) return x + x;
    long double size = abs_long(x), y = exp2l(log2l(size) / 3);
    y -= (y - size / (y * y)) / 3;
    return copysignl(y, x);
}
EXPORT long double sinhl(long double x) {
    long double size = abs_long(x), e;
    if (size > 500) e = expl(size / 2), e = e / 2 * e;
    else e = expm1l(size), e = (e + e / (e + 1)) / 2;
    return copysignl(e, x);
}
EXPORT long double coshl(long double x) {
    long double size = abs_long(x), e = expl(size / 2);
    return size > 500 ? e / 2 * e : (e * e + 1 / (e * e)) / 2;
}
EXPORT long double tanhl(long double x) {
    long double size = abs_long(x), e = size > 60 ? 0 : expm1l(2 * size);
    return size != size ? x : copysignl(size > 60 ? 1 : e / (e + 2), x);
}
EXPORT long double asinhl(long double x) {
    long double size = abs_long(x);
    if (!(size <= LDBL_MAX)) return x;
    return copysignl(size > 0x1p40L ? logl(size) + 0.693147180559945309417232121458176568L
                                    : log1pl(size + size * size / (1 + sqrtl(size * size + 1))), x);
}
EXPORT long double acoshl(long double x) {
    if (!(x >= 1)) return domain_error((double)x);
    return x > 0x1p40L ? logl(x) + 0.693147180559945309417232121458176568L : log1pl(x - 1 + sqrtl(2 * (x - 1) + (x - 1) * (x - 1)));
}
EXPORT long double atanhl(long double x) {
    long double size = abs_long(x);
    if (!(size < 1)) return atanh((double)x);
    return copysignl(log1pl(2 * size / (1 - size)) / 2, x);
}

#define LONG_ONE(name) EXPORT long double name##l(long double x) { return name((double)x); }
LONG_ONE(erf)
LONG_ONE(erfc)
LONG_ONE(tgamma)
LONG_ONE(lgamma)

#endif

EXPORT void sincosl(long double x, long double *sine, long double *cosine) {
    *sine = sinl(x);
    *cosine = cosl(x);
}
EXPORT long double lgammal_r(long double x, int *sign) { return lgamma_r((double)x, sign); }
ALSO(gammaf, lgammaf);
ALSO(gammal, lgammal);
