/* complex.h for one type; math_complex.c includes this for float, double and long double, with T the real type and
 * F(name) the function's name. Textbook formulas (Abramowitz and Stegun 4.2 to 4.6). */

#define C _Complex T
static C G(make)(T re, T im) {
    union { T parts[2]; C z; } u = {{re, im}};
    return u.z;
}
#define RE(z) __real__(z)
#define IM(z) __imag__(z)

T F(hypot)(T, T);
T F(atan2)(T, T);
T F(exp)(T);
T F(log)(T);
T F(log1p)(T);
T F(sin)(T);
T F(cos)(T);
T F(sinh)(T);
T F(cosh)(T);
T F(sqrt)(T);
T F(fabs)(T);
T F(copysign)(T, T);

EXPORT T F(creal)(C z) { return RE(z); }
EXPORT T F(cimag)(C z) { return IM(z); }
EXPORT C F(conj)(C z) { return G(make)(RE(z), -IM(z)); }
EXPORT T F(cabs)(C z) { return F(hypot)(RE(z), IM(z)); }
EXPORT T F(carg)(C z) { return F(atan2)(IM(z), RE(z)); }
EXPORT C F(cproj)(C z) {
    bool infinite = F(fabs)(RE(z)) > HUGE || F(fabs)(IM(z)) > HUGE;
    return infinite ? G(make)(__builtin_inf(), F(copysign)(0, IM(z))) : z;
}
EXPORT C F(cexp)(C z) {
    T size = F(exp)(RE(z));
    return IM(z) == 0 ? G(make)(size, IM(z)) : G(make)(size * F(cos)(IM(z)), size * F(sin)(IM(z)));
}
EXPORT C F(clog)(C z) { return G(make)(F(log)(F(cabs)(z)), F(carg)(z)); }
EXPORT C F(clog10)(C z) {
    const T log10_e = (T)0.43429448190325182765112891891660508L;
    return G(make)(F(log)(F(cabs)(z)) * log10_e, F(carg)(z) * log10_e);
}
EXPORT C F(csqrt)(C z) {
    T re = RE(z), im = IM(z);
    if (re == 0 && im == 0) return G(make)(0, im);
    T half = F(sqrt)((F(fabs)(re) + F(cabs)(z)) / 2);
    return re >= 0 ? G(make)(half, im / (2 * half)) : G(make)(F(fabs)(im) / (2 * half), F(copysign)(half, im));
}
EXPORT C F(cpow)(C z, C w) {
    if (RE(w) == 0 && IM(w) == 0) return G(make)(1, 0);
    if (RE(z) == 0 && IM(z) == 0) return G(make)(0, 0);
    return F(cexp)(w * F(clog)(z));
}
EXPORT C F(csinh)(C z) { return G(make)(F(sinh)(RE(z)) * F(cos)(IM(z)), F(cosh)(RE(z)) * F(sin)(IM(z))); }
EXPORT C F(ccosh)(C z) { return G(make)(F(cosh)(RE(z)) * F(cos)(IM(z)), F(sinh)(RE(z)) * F(sin)(IM(z))); }
EXPORT C F(ctanh)(C z) {
    T re = RE(z), im = IM(z);
    if (F(fabs)(re) > 30) return G(make)(F(copysign)(1, re), F(copysign)(0, F(sin)(2 * im)));
    T s = F(sinh)(re), c = F(cos)(im), divisor = s * s + c * c;
    return G(make)(s * F(cosh)(re) / divisor, F(sin)(im) * c / divisor);
}
static C G(turn)(C z) { return G(make)(-IM(z), RE(z)); }      /* i z */
static C G(turn_back)(C z) { return G(make)(IM(z), -RE(z)); } /* -i z */
EXPORT C F(csin)(C z) { return G(turn_back)(F(csinh)(G(turn)(z))); }
EXPORT C F(ccos)(C z) { return F(ccosh)(G(turn)(z)); }
EXPORT C F(ctan)(C z) { return G(turn_back)(F(ctanh)(G(turn)(z))); }
EXPORT C F(casinh)(C z) {
    bool negative = RE(z) < 0; /* an odd function; the sum below keeps its digits on the right half */
    if (negative) z = -z;
    C result = F(clog)(z + F(csqrt)(z * z + 1));
    return negative ? -result : result;
}
EXPORT C F(casin)(C z) { return G(turn_back)(F(casinh)(G(turn)(z))); }
EXPORT C F(cacos)(C z) {
    C angle = F(casin)(z);
    return G(make)((T)1.57079632679489661923132169163975144L - RE(angle), -IM(angle));
}
EXPORT C F(cacosh)(C z) {
    C angle = F(cacos)(z);
    return IM(angle) <= 0 ? G(turn)(angle) : G(turn_back)(angle);
}
EXPORT C F(catanh)(C z) {
    T re = RE(z), im = IM(z), below = (1 - re) * (1 - re) + im * im;
    return G(make)(F(log1p)(4 * re / below) / 4, F(atan2)(2 * im, (1 - re) * (1 + re) - im * im) / 2);
}
EXPORT C F(catan)(C z) { return G(turn_back)(F(catanh)(G(turn)(z))); }
#undef C
#undef RE
#undef IM
