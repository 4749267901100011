/* math.h: exponential, logarithmic, power and hyperbolic functions. The results are those of sums of two doubles
 * rounded once, so nearly always the nearest double. */
#include "math_dd.h"
#include "math_tables.h"

/* -- exponentials ---------------------------------------------------------------------------- */

static double exp_limits(double x) {
    if (is_nan(x)) return x + x;
    if (is_infinite(x)) return x > 0 ? x : 0;
    errno = ERANGE;
    return x > 0 ? 0x1p1023 * 2 : 0;
}

EXPORT double exp(double x) {
    if (!(magnitude(x) < 746)) return exp_limits(x);
    if (magnitude(x) < 0x1p-54) return 1 + x;
    int exponent;
    dd result = emu_exp(dd_of(x), &exponent);
    return emu_scale(result, exponent);
}
ALSO(__exp_finite, exp);

EXPORT double exp2(double x) {
    if (!(magnitude(x) < 1076)) return exp_limits(x);
    int exponent;
    dd result = emu_exp2(x, &exponent);
    return emu_scale(result, exponent);
}
ALSO(__exp2_finite, exp2);

EXPORT double exp10(double x) {
    if (!(magnitude(x) < 325)) return exp_limits(x);
    int exponent;
    dd result = emu_exp(dd_mul_d(ln10_pair, x), &exponent);
    return emu_scale(result, exponent);
}
ALSO(pow10, exp10);

EXPORT double expm1(double x) {
    if (x != x) return x + x;
    if (x > 60) { /* the 1 is far below the last place */
        if (is_infinite(x)) return x;
        int exponent;
        dd result = emu_exp(dd_of(x > 746 ? 746 : x), &exponent);
        return emu_scale(result, exponent);
    }
    if (x < -60) return -1;
    if (magnitude(x) < 0x1p-54) return x;
    dd result = emu_expm1(dd_of(x));
    return result.hi + result.lo;
}

/* -- logarithms ------------------------------------------------------------------------------ */

static double log_limits(double x) {
    if (is_nan(x)) return x + x;
    if (x == 0) return pole_error(-1);
    if (x < 0) return domain_error(x);
    return x;
}

/* 0 < x < infinity */
static bool usual(double x) { return x > 0 && !is_infinite(x); }

EXPORT double log(double x) {
    if (!usual(x)) return log_limits(x);
    dd result = emu_log(dd_of(x));
    return result.hi + result.lo;
}
EXPORT double log2(double x) {
    if (!usual(x)) return log_limits(x);
    dd result = dd_mul(emu_log(dd_of(x)), log2_e);
    double nearest_integer = nearest(result.hi);
    /* Powers of two come out exactly; their rounding noise must not. */
    if (result.hi == nearest_integer && (bits_of(x) & ((1ull << 52) - 1)) == 0) return nearest_integer;
    return result.hi + result.lo;
}
EXPORT double log10(double x) {
    if (!usual(x)) return log_limits(x);
    dd result = dd_mul(emu_log(dd_of(x)), log10_e);
    return result.hi + result.lo;
}
ALSO(__log_finite, log);
ALSO(__log2_finite, log2);
ALSO(__log10_finite, log10);

EXPORT double log1p(double x) {
    if (!(x > -1 && !is_infinite(x))) {
        if (x == -1) return pole_error(-1);
        return x < -1 ? domain_error(x) : x + x;
    }
    if (magnitude(x) < 0x1p-54) return x;
    dd result = emu_log1p(dd_of(x));
    return result.hi + result.lo;
}

/* -- powers ---------------------------------------------------------------------------------- */

enum parity { NOT_INTEGER, ODD, EVEN };
static enum parity parity(double y) {
    double size = magnitude(y);
    if (size >= 0x1p53) return EVEN;
    if (size < 1) return size == 0 ? EVEN : NOT_INTEGER;
    int64_t whole = (int64_t)size;
    return (double)whole != size ? NOT_INTEGER : whole & 1 ? ODD : EVEN;
}

/* x or y is 0, infinite or not a number: C11 F.10.4.4. */
static double pow_limits(double x, double y) {
    if (y == 0 || x == 1) return 1;
    if (is_nan(x) || is_nan(y)) return x + y;
    enum parity kind = parity(y);
    if (is_infinite(y)) {
        double size = magnitude(x);
        if (size == 1) return 1;
        return (size > 1) == (y > 0) ? __builtin_inf() : 0;
    }
    double sign = kind == ODD ? x : 1;
    if (x == 0) return y < 0 ? pole_error(sign) : with_sign(0, sign);
    return with_sign(y > 0 ? __builtin_inf() : 0, sign);
}

EXPORT double pow(double x, double y) {
    if (y == 0 || x == 0 || is_nan(x) || is_nan(y) || is_infinite(x) || is_infinite(y) || x == 1) return pow_limits(x, y);
    double sign = 1;
    if (x < 0) {
        enum parity kind = parity(y);
        if (kind == NOT_INTEGER) return domain_error(x);
        if (kind == ODD) sign = -1;
        x = -x;
        if (x == 1) return sign;
    }
    dd log_x = emu_log(dd_of(x));
    double size = magnitude(log_x.hi * y);
    if (size < 0x1p-60 || magnitude(y) < 0x1p-900) return sign * (1 + log_x.hi * y);
    if (!(size < 760) || magnitude(y) > 0x1p900) {
        errno = ERANGE;
        return (log_x.hi > 0) == (y > 0) ? sign * 0x1p1023 * 2 : sign * 0;
    }
    int exponent;
    dd result = emu_exp(dd_mul_d(log_x, y), &exponent);
    return emu_scale(dd_scaled(result, sign), exponent);
}
ALSO(__pow_finite, pow);

EXPORT double cbrt(double x) {
    if (x == 0 || is_nan(x) || is_infinite(x)) return x + x;
    double size = magnitude(x), scale = 1;
    if (size < 0x1p-900) size *= 0x1p180, scale = 0x1p-60;
    else if (size > 0x1p900) size *= 0x1p-180, scale = 0x1p60;
    double y = from_bits(bits_of(size) / 3 + 0x2a9f7893782da1ceull); /* a third of the exponent, and a few bits */
    for (int i = 0; i < 4; i++) y -= (y - size / (y * y)) / 3;
    dd error = dd_sub(dd_mul_d(product_exact(y, y), y), dd_of(size));
    dd root = sum_ordered(y, -(error.hi + error.lo) / (3 * y * y));
    return with_sign((root.hi + root.lo) * scale, x);
}

EXPORT double hypot(double x, double y) {
    if (is_infinite(x) || is_infinite(y)) return __builtin_inf();
    if (is_nan(x) || is_nan(y)) return x + y;
    double a = magnitude(x), b = magnitude(y);
    if (a < b) {
        double kept = a;
        a = b;
        b = kept;
    }
    if (b < a * 0x1p-60) return a + b;
    int scale = a > 0x1p480 ? 600 : b < 0x1p-450 ? -600 : 0;
    a *= power_of_2(-scale);
    b *= power_of_2(-scale);
    dd root = dd_sqrt(dd_add(product_exact(a, a), product_exact(b, b)));
    return emu_scale(root, scale);
}
ALSO(__hypot_finite, hypot);

/* -- hyperbolic functions -------------------------------------------------------------------- */

EXPORT double sinh(double x) {
    double size = magnitude(x);
    if (!(size < 711)) {
        if (is_nan(x) || is_infinite(x)) return x + x;
        return overflow_error(x);
    }
    if (size < 0x1p-28) return x;
    if (size > 45) {
        int exponent;
        dd result = emu_exp(dd_of(size), &exponent);
        return emu_scale(dd_scaled(result, x < 0 ? -1 : 1), exponent - 1);
    }
    dd e = emu_expm1(dd_of(size)); /* (e + e / (e + 1)) / 2 */
    dd result = dd_scaled(dd_add(e, dd_div(e, dd_add_d(e, 1))), 0.5);
    return with_sign(result.hi + result.lo, x);
}

EXPORT double cosh(double x) {
    double size = magnitude(x);
    if (!(size < 711)) {
        if (is_nan(x) || is_infinite(x)) return size + size;
        return overflow_error(1);
    }
    int exponent;
    dd e = emu_exp(dd_of(size), &exponent);
    if (size > 45) return emu_scale(e, exponent - 1);
    e = dd_scaled(e, power_of_2(exponent));
    dd result = dd_scaled(dd_add(e, dd_div(dd_of(1), e)), 0.5);
    return result.hi + result.lo;
}

EXPORT double tanh(double x) {
    double size = magnitude(x);
    if (is_nan(x)) return x + x;
    if (size > 22) return with_sign(1, x);
    if (size < 0x1p-28) return x;
    dd e = emu_expm1(dd_of(2 * size));
    dd result = dd_div(e, dd_add_d(e, 2));
    return with_sign(result.hi + result.lo, x);
}

EXPORT double asinh(double x) {
    double size = magnitude(x);
    if (is_nan(x) || is_infinite(x)) return x + x;
    if (size < 0x1p-28) return x;
    dd result;
    if (size > 0x1p28) {
        result = dd_add(emu_log(dd_of(size)), ln2_pair);
    } else { /* ln(1 + x + x^2 / (1 + sqrt(1 + x^2))) */
        dd square = product_exact(size, size), root = dd_sqrt(dd_add_d(square, 1));
        result = emu_log1p(dd_add_d(dd_div(square, dd_add_d(root, 1)), size));
    }
    return with_sign(result.hi + result.lo, x);
}

EXPORT double acosh(double x) {
    if (!(x >= 1)) return is_nan(x) ? x + x : domain_error(x);
    if (is_infinite(x)) return x;
    dd result;
    if (x > 0x1p28) {
        result = dd_add(emu_log(dd_of(x)), ln2_pair);
    } else { /* with t = x - 1: ln(1 + t + sqrt(2 t + t^2)) */
        double t = x - 1;
        result = emu_log1p(dd_add_d(dd_sqrt(dd_add_d(product_exact(t, t), 2 * t)), t));
    }
    return result.hi + result.lo;
}

EXPORT double atanh(double x) {
    double size = magnitude(x);
    if (is_nan(x)) return x + x;
    if (size == 1) return pole_error(x);
    if (size > 1) return domain_error(x);
    if (size < 0x1p-28) return x;
    dd ratio = dd_div(dd_of(2 * size), sum_exact(1, -size));
    dd result = dd_scaled(emu_log1p(ratio), 0.5);
    return with_sign(result.hi + result.lo, x);
}
