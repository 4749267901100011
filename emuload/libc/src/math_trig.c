/* math.h: circular functions and their inverses. */
#include "math_dd.h"
#include "math_tables.h"

static double rounded(dd x) { return x.hi + x.lo; }

EXPORT double sin(double x) {
    if (is_nan(x) || is_infinite(x)) return domain_error(x);
    if (magnitude(x) < 0x1p-27) return x;
    dd rest, sine, cosine;
    unsigned quadrant = emu_reduce(x, &rest);
    emu_sine_cosine(rest, &sine, &cosine);
    double result = rounded(quadrant & 1 ? cosine : sine);
    return quadrant & 2 ? -result : result;
}

EXPORT double cos(double x) {
    if (is_nan(x) || is_infinite(x)) return domain_error(x);
    dd rest, sine, cosine;
    unsigned quadrant = emu_reduce(x, &rest);
    emu_sine_cosine(rest, &sine, &cosine);
    double result = rounded(quadrant & 1 ? sine : cosine);
    return (quadrant + 1) & 2 ? -result : result;
}

EXPORT void sincos(double x, double *sine, double *cosine) {
    *sine = sin(x);
    *cosine = cos(x);
}

EXPORT double tan(double x) {
    if (is_nan(x) || is_infinite(x)) return domain_error(x);
    if (magnitude(x) < 0x1p-27) return x;
    dd rest, sine, cosine;
    unsigned quadrant = emu_reduce(x, &rest);
    emu_sine_cosine(rest, &sine, &cosine);
    return rounded(quadrant & 1 ? dd_neg(dd_div(cosine, sine)) : dd_div(sine, cosine));
}

EXPORT double atan(double x) {
    if (is_nan(x)) return x + x;
    double size = magnitude(x);
    if (size < 0x1p-27) return x;
    if (size > 0x1p60) return with_sign(half_pi.hi, x);
    return with_sign(rounded(emu_atan2(dd_of(size), dd_of(1))), x);
}

EXPORT double asin(double x) {
    double size = magnitude(x);
    if (!(size <= 1)) return is_nan(x) ? x + x : domain_error(x);
    if (size < 0x1p-27) return x;
    dd cosine = dd_sqrt(dd_mul(sum_exact(1, -size), sum_exact(1, size)));
    return with_sign(rounded(emu_atan2(dd_of(size), cosine)), x);
}

EXPORT double acos(double x) {
    double size = magnitude(x);
    if (!(size <= 1)) return is_nan(x) ? x + x : domain_error(x);
    dd sine = dd_sqrt(dd_mul(sum_exact(1, -size), sum_exact(1, size)));
    dd angle = emu_atan2(sine, dd_of(size));
    return rounded(x < 0 ? dd_sub(full_pi, angle) : angle);
}

EXPORT double atan2(double y, double x) {
    if (is_nan(x) || is_nan(y)) return x + y;
    double a = magnitude(y), b = magnitude(x);
    bool left = bits_of(x) >> 63;
    if (a == 0) return with_sign(left ? full_pi.hi : 0, y);
    if (b == 0) return with_sign(half_pi.hi, y);
    if (is_infinite(a)) return with_sign(is_infinite(b) ? (left ? 3 * (full_pi.hi / 4) : full_pi.hi / 4) : half_pi.hi, y);
    if (is_infinite(b)) return with_sign(left ? full_pi.hi : 0, y);
    /* Far apart in size the angle is one of the axes', or the quotient. */
    int apart = (int)(bits_of(a) >> 52) - (int)(bits_of(b) >> 52);
    if (apart > 64) return with_sign(half_pi.hi, y);
    if (apart < -64 && left) return with_sign(full_pi.hi, y);
    if (apart < -64) {
        double result = with_sign(a / b, y);
        if (result == 0) errno = ERANGE;
        return result;
    }
    /* Near 1 neither products nor the smaller one's rest get lost. */
    double scale = 1;
    if (a > 0x1p500 || b > 0x1p500) scale = 0x1p-600;
    else if (a < 0x1p-400 || b < 0x1p-400) scale = 0x1p600;
    dd angle = emu_atan2(dd_of(a * scale), dd_of(b * scale));
    return with_sign(rounded(left ? dd_sub(full_pi, angle) : angle), y);
}
ALSO(__atan2_finite, atan2);
