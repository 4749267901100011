/* The cores of the elementary functions, in sums of two doubles: a table brings the argument near a point where the
 * function is known, a short series does the rest. The series' first terms are summed in two doubles, the later ones,
 * which are at least 2^-15 smaller, in one. */
#include "math_dd.h"
#include "math_tables.h"

/* e^r - 1 for |r| < 0.006. */
static dd small_expm1(dd r) {
    double x = r.hi;
    double tail = x * x * x * (1.0 / 6 + x * (1.0 / 24 + x * (1.0 / 120 + x * (1.0 / 720 + x * (1.0 / 5040)))));
    dd half_square = dd_scaled(dd_mul(r, r), 0.5);
    return dd_add(r, dd_add_d(half_square, tail));
}

/* x = steps ln2/64 + rest. */
static dd exp_rest(dd x, double steps) {
    dd head = sum_exact(x.hi, -steps * exp_step_head);
    head = sum_ordered(head.hi, head.lo + x.lo);
    return dd_sub(head, dd_mul_d(exp_step_rest, steps));
}

static dd exp_from(double steps, dd rest, int *exponent) {
    int n = (int)steps;
    dd base = exp_table[n & 63];
    *exponent = n >> 6;
    return dd_add(base, dd_mul(base, small_expm1(rest)));
}

HIDDEN dd emu_exp(dd x, int *exponent) {
    double steps = nearest(x.hi * (64 * log2_e.hi));
    return exp_from(steps, exp_rest(x, steps), exponent);
}

HIDDEN dd emu_exp2(double x, int *exponent) {
    double steps = nearest(x * 64);
    return exp_from(steps, dd_mul_d(ln2_pair, x - steps / 64), exponent);
}

HIDDEN dd emu_expm1(dd x) {
    double steps = nearest(x.hi * (64 * log2_e.hi));
    dd rest = small_expm1(exp_rest(x, steps));
    if (steps == 0) return rest;
    int n = (int)steps;
    dd base = dd_scaled(exp_table[n & 63], n >> 6 > 1023 ? 0 : power_of_2(n >> 6 < -1000 ? -1000 : n >> 6));
    return dd_add(dd_add_d(base, -1), dd_mul(base, rest));
}

/* ln(1 + r) for |r| < 2^-7. */
static dd small_log1p(dd r) {
    double x = r.hi;
    double tail = x * x * x * x *
                  (-1.0 / 4 + x * (1.0 / 5 + x * (-1.0 / 6 + x * (1.0 / 7 + x * (-1.0 / 8 + x * (1.0 / 9 + x * (-1.0 / 10)))))));
    dd square = dd_mul(r, r), cube = dd_mul(square, r);
    static const dd third = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
    dd terms = dd_add_d(dd_mul(cube, third), tail);
    return dd_add(r, dd_sub(terms, dd_scaled(square, 0.5)));
}

HIDDEN dd emu_log(dd x) {
    int exponent = 0;
    if (x.hi < 0x1p-1022) {
        x = dd_scaled(x, 0x1p64);
        exponent = -64;
    }
    int power = (int)(bits_of(x.hi) >> 52) - 1023;
    double z = from_bits((bits_of(x.hi) & ((1ull << 52) - 1)) | 1023ull << 52);
    if (z > 1.41421356) {
        z *= 0.5;
        power++;
    }
    exponent += power;
    /* The low part's scale may not be a double: two steps. */
    double low = power > 0 ? x.lo * power_of_2(-power / 2) * power_of_2(power / 2 - power)
                           : x.lo * power_of_2((-power) / 2) * power_of_2(-power - (-power) / 2);
    int i = (int)(z * 128 + 0.5);
    double inverse = log_table[i - LOG_FIRST].inverse;
    dd product = product_exact(z, inverse);
    dd r = dd_add_d(sum_ordered(product.hi - 1, product.lo), low * inverse);
    dd series = small_log1p(r);
    if (exponent == 0 && i == 128) return series;
    dd base = log_table[i - LOG_FIRST].log;
    if (exponent) {
        dd part = dd_mul_d(ln2_rest, exponent);
        base = dd_add(dd_add(dd_of(exponent * ln2_head), part), base);
    }
    return dd_add(base, series);
}

HIDDEN dd emu_log1p(dd x) {
    if (magnitude(x.hi) < 0x1p-8) return small_log1p(x);
    dd sum = sum_exact(1, x.hi);
    dd low = sum_ordered(sum.lo, x.lo);
    return emu_log(sum_ordered(sum.hi, low.hi + low.lo));
}

/* atan t for 0 <= t <= 1. */
static dd atan_unit(dd y, dd x) {
    double t = y.hi / x.hi;
    int i = (int)(t * 64 + 0.5);
    double c = i / 64.0;
    dd rest = i ? dd_div(dd_sub(y, dd_mul_d(x, c)), dd_add(x, dd_mul_d(y, c))) : dd_div(y, x);
    double s = rest.hi * rest.hi;
    double tail = rest.hi * s * (-1.0 / 3 + s * (1.0 / 5 + s * (-1.0 / 7 + s * (1.0 / 9))));
    dd series = dd_add_d(rest, tail);
    return i ? dd_add(atan_table[i], series) : series;
}

HIDDEN dd emu_atan2(dd y, dd x) {
    if (y.hi <= x.hi) return atan_unit(y, x);
    return dd_sub(half_pi, atan_unit(x, y));
}

HIDDEN void emu_sine_cosine(dd x, dd *sine, dd *cosine) {
    bool negative = x.hi < 0;
    if (negative) x = dd_neg(x);
    int i = (int)(x.hi * 32 + 0.5);
    dd r = dd_add_d(x, -i / 32.0);
    double s = r.hi * r.hi;
    dd sin_r = dd_add_d(r, r.hi * s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880)))));
    dd cos_less_1 = dd_add_d(dd_scaled(dd_mul(r, r), -0.5), s * s * (1.0 / 24 + s * (-1.0 / 720 + s * (1.0 / 40320))));
    dd base_sine = sine_table[i].sine, base_cosine = sine_table[i].cosine;
    *sine = i ? dd_add(base_sine, dd_add(dd_mul(base_cosine, sin_r), dd_mul(base_sine, cos_less_1))) : sin_r;
    *cosine = dd_add(base_cosine, dd_sub(dd_mul(base_cosine, cos_less_1), dd_mul(base_sine, sin_r)));
    if (negative) *sine = dd_neg(*sine);
}

/* Payne and Hanek, "Radian reduction for trigonometric functions": of x * 2/pi, x = m 2^e, only bits whose products with m
 * are no multiples of 4 matter, and 192 of them leave 137 correct bits after the point. */
HIDDEN unsigned emu_reduce(double x, dd *rest) {
    uint64_t bits = bits_of(x);
    bool negative = bits >> 63;
    if (magnitude(x) <= 0x1.921fb54442d18p-1) {
        *rest = dd_of(x);
        return 0;
    }
    int exponent = (int)(bits >> 52 & 0x7ff) - 1075;
    uint64_t m = (bits & ((1ull << 52) - 1)) | 1ull << 52;
    /* The window's first bit has the weight 2^(1 - exponent), m's lowest bit 2^exponent: their product is 2. */
    unsigned start = (unsigned)(64 + exponent - 2), word_at = start / 32, shift = start % 32;
    uint32_t window[6], product[6] = {0};
    for (int i = 0; i < 6; i++) { /* window[0] is the lowest word */
        uint64_t pair = (uint64_t)two_over_pi[word_at + 5 - i] << 32 | two_over_pi[word_at + 6 - i];
        window[i] = (uint32_t)(pair << shift >> 32);
    }
    for (int j = 0; j < 2; j++) {
        uint64_t carry = 0, factor = (uint32_t)(m >> 32 * j);
        for (int i = 0; i + j < 6; i++) {
            carry += factor * window[i] + product[i + j];
            product[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    unsigned quadrant = product[5] >> 30;
    bool above_half = product[5] >> 29 & 1;
    if (above_half) { /* quadrant + 1, less the rest */
        quadrant++;
        uint64_t carry = 1;
        for (int i = 0; i < 6; i++) {
            carry += ~product[i];
            product[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    product[5] &= 0x3fffffff;
    /* The fraction's leading bits as two doubles: product x 2^-190. */
    dd fraction = {0, 0};
    double weight = 0x1p-30;
    for (int i = 5; i >= 0; i--, weight *= 0x1p-32) fraction = dd_add_d(fraction, product[i] * weight);
    dd r = dd_mul(fraction, half_pi);
    if (above_half != negative) r = dd_neg(r);
    *rest = r;
    return (negative ? -quadrant : quadrant) & 3;
}

HIDDEN double emu_scale(dd x, int exponent) {
    x = sum_ordered(x.hi, x.lo);
    if (x.hi == 0) return x.hi;
    int leading = (int)(bits_of(x.hi) >> 52 & 0x7ff) - 1023 + exponent;
    if (leading > 1023 || leading < -1080) {
        errno = ERANGE;
        return leading > 0 ? x.hi * 0x1p1023 * 0x1p1023 : x.hi * 0x1p-1022 * 0x1p-1022;
    }
    if (leading >= -1022) {
        double half = power_of_2(exponent / 2 > 1023 ? 1023 : exponent / 2);
        double result = x.hi * half * power_of_2(exponent - exponent / 2);
        if (is_infinite(result)) errno = ERANGE;
        return result;
    }
    /* Subnormal: round in a grid of the result's last place first. */
    double grid = with_sign(0x1p52 * power_of_2(-537) * power_of_2(-537 - exponent > 1023 ? 1023 : -537 - exponent), x.hi);
    dd sum = sum_ordered(grid, x.hi);
    double rounded = sum.hi + (sum.lo + x.lo);
    double result = (rounded - grid) * power_of_2(exponent / 2) * power_of_2(exponent - exponent / 2);
    if (result == 0) errno = ERANGE;
    return result;
}
