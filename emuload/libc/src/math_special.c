/* math.h: the error function and the gamma function, by series and continued fractions in sums of two doubles. */
#include "math_dd.h"
#include "math_tables.h"

EXPORT int signgam;
double rint(double x);

/* -- error function: Abramowitz and Stegun 7.1.6 and 7.1.14 ---------------------------------- */

/* e^(-x^2), scaled by a power of two where that is very small. */
static dd gauss(double x, int *exponent) { return emu_exp(dd_neg(product_exact(x, x)), exponent); }

/* 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!, all terms positive; 0 < x < 3. */
static dd erf_series(double x) {
    dd square = product_exact(x, x), term = dd_of(x), sum = term;
    for (int n = 1; term.hi > sum.hi * 0x1p-75; n++) {
        term = dd_div(dd_mul(term, dd_scaled(square, 2)), dd_of(2 * n + 1));
        sum = dd_add(sum, term);
    }
    int exponent;
    dd factor = gauss(x, &exponent);
    factor = dd_scaled(factor, 2 * power_of_2(exponent));
    return dd_div(dd_mul(sum, factor), root_pi);
}

/* erfc(x) without its power of two, by the continued fraction, from its far end; x >= 2. */
static dd erfc_fraction(double x, int *exponent) {
    dd f = dd_of(x);
    for (int n = (int)(20 + 500 / (x * x)); n > 0; n--) f = dd_add_d(dd_div(dd_of(n * 0.5), f), x);
    return dd_div(gauss(x, exponent), dd_mul(root_pi, f));
}

EXPORT double erf(double x) {
    if (is_nan(x)) return x + x;
    double size = magnitude(x);
    if (size > 6) return with_sign(1, x);
    if (size < 0x1p-28) {
        if (x == 0) return x;
        int kept = errno;
        double small = emu_scale(dd_div(dd_of(x * 0x1p200), root_pi), -199);
        errno = kept;
        return small;
    }
    dd result;
    if (size < 2) {
        result = erf_series(size);
    } else {
        int exponent;
        result = erfc_fraction(size, &exponent);
        result = dd_sub(dd_of(1), dd_scaled(result, power_of_2(exponent)));
    }
    return with_sign(result.hi + result.lo, x);
}

EXPORT double erfc(double x) {
    if (is_nan(x)) return x + x;
    if (x < -6) return 2;
    if (x > 28) {
        if (!is_infinite(x)) errno = ERANGE;
        return 0;
    }
    if (x >= 2) {
        int exponent;
        dd result = erfc_fraction(x, &exponent);
        return emu_scale(result, exponent);
    }
    double size = magnitude(x);
    if (size < 0x1p-60) return 1 - x;
    dd part;
    if (size < 2) {
        part = erf_series(size);
    } else {
        int exponent;
        part = erfc_fraction(size, &exponent);
        part = dd_sub(dd_of(1), dd_scaled(part, power_of_2(exponent)));
    }
    dd result = dd_sub(dd_of(1), x < 0 ? dd_neg(part) : part);
    return result.hi + result.lo;
}

/* -- gamma: Stirling's series (6.1.40) from 24 on, the recurrence and the reflection (6.1.17) below --- */

enum { FROM = 24 };

/* ln gamma(x) for x >= FROM. */
static dd stirling(dd x) {
    static const double bernoulli[] = {-1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360, 1.0 / 156, -3617.0 / 122400};
    double inverse = 1 / x.hi, square = inverse * inverse, power = square * inverse, tail = 0;
    for (unsigned i = 0; i < sizeof bernoulli / sizeof *bernoulli; i++, power *= square) tail += bernoulli[i] * power;
    dd sum = dd_mul(dd_add_d(x, -0.5), emu_log(x));
    sum = dd_sub(sum, x);
    sum = dd_add(sum, half_log_2pi);
    return dd_add_d(dd_add(sum, dd_div(dd_of(1.0 / 12), x)), tail + 0x1.5555555555555p-58 * inverse);
}

/* x (x+1) … up to FROM, and where that led. */
static dd rise(dd *x) {
    dd product = dd_of(1);
    while (x->hi < FROM) {
        product = dd_mul(product, *x);
        *x = dd_add_d(*x, 1);
    }
    return product;
}

/* sin(pi x); x is no integer. */
static dd sine_pi(double x) {
    double rest = x - 2 * rint(x / 2); /* exact, -1 … 1 */
    bool negative = rest < 0;
    if (negative) rest = -rest;
    if (rest > 0.5) rest = 1 - rest;
    dd sine, cosine;
    if (rest > 0.25) emu_sine_cosine(dd_mul_d(full_pi, 0.5 - rest), &cosine, &sine);
    else emu_sine_cosine(dd_mul_d(full_pi, rest), &sine, &cosine);
    return negative ? dd_neg(sine) : sine;
}

EXPORT double lgamma_r(double x, int *sign) {
    *sign = 1;
    if (is_nan(x)) return x + x;
    if (is_infinite(x)) return __builtin_inf();
    if (x == 0) {
        *sign = bits_of(x) >> 63 ? -1 : 1;
        return pole_error(1);
    }
    if (x == 1 || x == 2) return 0;
    if (magnitude(x) < 0x1p-70) {
        *sign = x < 0 ? -1 : 1;
        dd result = dd_neg(emu_log(dd_of(magnitude(x))));
        return result.hi + result.lo;
    }
    dd result;
    if (x > 0) {
        if (x > 0x1p100) {
            dd factor = dd_add_d(emu_log(dd_of(x)), -1);
            double large = x * (factor.hi + factor.lo);
            return is_infinite(large) ? overflow_error(1) : large;
        }
        dd at = dd_of(x), product = rise(&at);
        result = dd_sub(stirling(at), emu_log(product));
    } else {
        if (x <= -0x1p52 || x == rint(x)) return pole_error(1);
        dd sine = sine_pi(x);
        if (sine.hi < 0) { /* gamma(x) = pi / (-x sin(pi x) gamma(-x)) */
            *sign = -1;
            sine = dd_neg(sine);
        }
        dd at = dd_of(-x), product = rise(&at);
        dd positive = dd_sub(stirling(at), emu_log(product));
        result = dd_sub(emu_log(dd_div(full_pi, dd_mul_d(sine, -x))), positive);
    }
    return result.hi + result.lo;
}
EXPORT double lgamma(double x) { return lgamma_r(x, &signgam); }
ALSO(gamma, lgamma);

EXPORT double tgamma(double x) {
    if (is_nan(x)) return x + x;
    if (x == 0) return pole_error(x);
    if (is_infinite(x)) return x > 0 ? x : domain_error(x);
    if (x < 0 && (x <= -0x1p52 || x == rint(x))) return domain_error(x);
    if (x > 172) return overflow_error(1);
    if (x < -185) {
        errno = ERANGE;
        return sine_pi(x).hi < 0 ? -0.0 : 0.0;
    }
    if (magnitude(x) < 0x1p-60) return is_infinite(1 / x) ? overflow_error(x) : 1 / x;
    int exponent;
    dd at = x > 0 ? dd_of(x) : dd_of(-x);
    dd product = rise(&at), result = emu_exp(stirling(at), &exponent);
    result = dd_div(result, product);
    if (x > 0) return emu_scale(result, exponent);
    result = dd_div(full_pi, dd_mul(dd_mul_d(sine_pi(x), -x), result));
    return emu_scale(result, -exponent);
}
