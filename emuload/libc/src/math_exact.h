/* math.h: the functions with exact results, for one type. math_exact.c includes this for float, double and long
 * double, with T the type, F(name) the function's name, MANTISSA_BITS, LEAST_EXPONENT and MOST_EXPONENT of
 * 1.x numbers, EPSILON, HUGE, and the exponent field's place (FIELD, FIELD_INDEX, FIELD_SHIFT, FIELD_MASK, FIELD_BIAS). */

static inline unsigned G(field)(T x) {
    union { T x; FIELD words[sizeof(T) / sizeof(FIELD)]; } u = {x};
    return u.words[FIELD_INDEX] >> FIELD_SHIFT & FIELD_MASK;
}
static inline T G(with_field)(T x, unsigned field) {
    union { T x; FIELD words[sizeof(T) / sizeof(FIELD)]; } u = {x};
    u.words[FIELD_INDEX] = (FIELD)((u.words[FIELD_INDEX] & ~((FIELD)FIELD_MASK << FIELD_SHIFT)) | (FIELD)field << FIELD_SHIFT);
    return u.x;
}
static inline bool G(negative)(T x) {
    union { T x; FIELD words[sizeof(T) / sizeof(FIELD)]; } u = {x};
    return u.words[FIELD_INDEX] >> SIGN_SHIFT & 1;
}
static inline T G(signed_as)(T x, T sign) {
    union { T x; FIELD words[sizeof(T) / sizeof(FIELD)]; } u = {x};
    u.words[FIELD_INDEX] = (FIELD)((u.words[FIELD_INDEX] & ~((FIELD)1 << SIGN_SHIFT)) | (FIELD)G(negative)(sign) << SIGN_SHIFT);
    return u.x;
}
static inline T G(size)(T x) { return G(signed_as)(x, 0); }
static inline bool G(nan)(T x) { return x != x; }
static inline bool G(infinite)(T x) { return G(size)(x) > HUGE; }
static inline bool G(unusual)(T x) { return G(nan)(x) || G(infinite)(x); }

EXPORT T F(fabs)(T x) { return G(size)(x); }
EXPORT T F(copysign)(T x, T sign) { return G(signed_as)(x, sign); }
EXPORT int F(__signbit)(T x) { return G(negative)(x) ? -1 : 0; }
EXPORT int F(__isnan)(T x) { return G(nan)(x); }
EXPORT int F(__isinf)(T x) { return G(infinite)(x) ? (G(negative)(x) ? -1 : 1) : 0; }
EXPORT int F(__finite)(T x) { return !G(unusual)(x); }
EXPORT int F(__fpclassify)(T x) {
    if (G(nan)(x)) return 0; /* FP_NAN, FP_INFINITE, FP_ZERO, FP_SUBNORMAL, FP_NORMAL */
    if (G(infinite)(x)) return 1;
    return x == 0 ? 2 : G(field)(x) == 0 ? 3 : 4;
}
EXPORT int F(__issignaling)(T x) { return 0; }
ALSO(F(isnan), F(__isnan));
ALSO(F(isinf), F(__isinf));
ALSO(F(finite), F(__finite));

/* -- to integers ----------------------------------------------------------------------------- */

/* Adding 2^(bits - 1) leaves no room for a fraction. */
EXPORT T F(rint)(T x) {
    const T limit = 1 / EPSILON;
    T size = G(size)(x);
    if (!(size < limit)) return x + 0;
    volatile T sum = size + limit;
    return G(signed_as)(sum - limit, x);
}
ALSO(F(nearbyint), F(rint));
ALSO(F(roundeven), F(rint));

EXPORT T F(trunc)(T x) {
    T size = G(size)(x), whole = F(rint)(size);
    return G(signed_as)(whole > size ? whole - 1 : whole, x);
}
EXPORT T F(floor)(T x) {
    T whole = F(rint)(x);
    return whole > x ? G(signed_as)(whole - 1, x) : whole;
}
EXPORT T F(ceil)(T x) {
    T whole = F(rint)(x);
    return whole < x ? G(signed_as)(whole + 1, x) : whole;
}
EXPORT T F(round)(T x) {
    T size = G(size)(x), whole = F(trunc)(size);
    return G(signed_as)(size - whole >= (T)0.5 ? whole + 1 : whole, x);
}
EXPORT long F(lrint)(T x) { return (long)F(rint)(x); }
EXPORT long long F(llrint)(T x) { return (long long)F(rint)(x); }
EXPORT long F(lround)(T x) { return (long)F(round)(x); }
EXPORT long long F(llround)(T x) { return (long long)F(round)(x); }
EXPORT T F(modf)(T x, T *whole) {
    *whole = F(trunc)(x);
    return G(infinite)(x) ? G(signed_as)(0, x) : G(signed_as)(x - *whole, x);
}

/* -- exponents ------------------------------------------------------------------------------- */

/* The exponent of the leading bit; x finite and not 0. */
static int G(exponent)(T x) {
    unsigned field = G(field)(x);
    if (field) return (int)field - FIELD_BIAS;
    return (int)G(field)(x * (2 / EPSILON)) - FIELD_BIAS - MANTISSA_BITS;
}
static T G(power)(int n) { return G(with_field)(1, (unsigned)(n + FIELD_BIAS)); }

EXPORT T F(scalbn)(T x, int n) {
    if (x == 0 || G(unusual)(x)) return x + x;
    if (n > 3 * MOST_EXPONENT) n = 3 * MOST_EXPONENT;
    if (n < -4 * MOST_EXPONENT) n = -4 * MOST_EXPONENT;
    T result = x;
    int target = G(exponent)(x) + n;
    for (; n > MOST_EXPONENT; n -= MOST_EXPONENT) result *= G(power)(MOST_EXPONENT);
    if (target >= LEAST_EXPONENT) {
        for (; n < LEAST_EXPONENT; n -= LEAST_EXPONENT) result *= G(power)(LEAST_EXPONENT);
        result *= G(power)(n);
    } else {
        /* To a subnormal number, with one rounding: first to the least normal exponent, then the rest at once. */
        int rest = target - LEAST_EXPONENT;
        for (n -= rest; n < LEAST_EXPONENT; n -= LEAST_EXPONENT) result *= G(power)(LEAST_EXPONENT);
        result *= G(power)(n);
        result *= rest < LEAST_EXPONENT ? G(power)(LEAST_EXPONENT) : G(power)(rest);
    }
    if (G(infinite)(result) || result == 0) errno = ERANGE;
    return result;
}
ALSO(F(ldexp), F(scalbn));
EXPORT T F(scalbln)(T x, long n) { return F(scalbn)(x, n > 100000 ? 100000 : n < -100000 ? -100000 : (int)n); }
EXPORT T F(scalb)(T x, T n) { return F(scalbn)(x, n > 100000 ? 100000 : n < -100000 ? -100000 : (int)n); }

EXPORT T F(frexp)(T x, int *exponent) {
    *exponent = 0;
    if (x == 0 || G(unusual)(x)) return x + x;
    *exponent = G(exponent)(x) + 1;
    if (!G(field)(x)) x *= 2 / EPSILON;
    return G(with_field)(x, FIELD_BIAS - 1);
}
EXPORT int F(ilogb)(T x) {
    if (x != 0 && !G(unusual)(x)) return G(exponent)(x);
    errno = EDOM;
#if defined(__x86_64__)
    return x == 0 || G(nan)(x) ? INT_MIN : INT_MAX;
#else
    return x == 0 ? -INT_MAX : INT_MAX; /* FP_ILOGB0 and FP_ILOGBNAN of the ARM headers */
#endif
}
EXPORT T F(logb)(T x) {
    if (G(unusual)(x)) return x * x;
    if (x == 0) {
        errno = ERANGE;
        return -1 / G(size)(x);
    }
    return (T)G(exponent)(x);
}
EXPORT T F(significand)(T x) { return x == 0 || G(unusual)(x) ? x : F(scalbn)(x, -G(exponent)(x)); }

/* -- remainders ------------------------------------------------------------------------------ */

/* |x| mod |y| by subtraction, every step exact; the quotient's low bits. x finite, y not 0. */
static T G(remainder_of)(T x, T y, unsigned *quotient) {
    x = G(size)(x);
    y = G(size)(y);
    *quotient = 0;
    if (x < y) return x;
    int steps = G(exponent)(x) - G(exponent)(y);
    T part = F(scalbn)(y, steps);
    for (; steps >= 0; steps--, part *= (T)0.5) {
        *quotient <<= 1;
        if (x >= part) {
            x -= part;
            *quotient |= 1;
        }
        if (x == 0) {
            *quotient = steps < 32 ? *quotient << steps : 0;
            break;
        }
    }
    return x;
}
static T G(no_remainder)(T x, T y) {
    if (!G(nan)(x) && !G(nan)(y)) errno = EDOM;
    return (x * y) / (x * y);
}
EXPORT T F(fmod)(T x, T y) {
    unsigned quotient;
    if (y == 0 || G(unusual)(x) || G(nan)(y)) return G(no_remainder)(x, y);
    if (G(infinite)(y)) return x;
    return G(signed_as)(G(remainder_of)(x, y, &quotient), x);
}
EXPORT T F(remquo)(T x, T y, int *low_quotient) {
    unsigned quotient;
    *low_quotient = 0;
    if (y == 0 || G(unusual)(x) || G(nan)(y)) return G(no_remainder)(x, y);
    T size = G(size)(y), rest = G(size)(x);
    quotient = 0;
    if (!G(infinite)(y)) rest = G(remainder_of)(x, y, &quotient);
    /* More than half, or half and odd: one more. */
    bool more = size < 2 / EPSILON * G(power)(LEAST_EXPONENT) ? rest + rest > size || (rest + rest == size && quotient & 1)
                                                              : rest > size / 2 || (rest == size / 2 && quotient & 1);
    if (more) rest -= size;
    int low = (int)(quotient & 7) + more;
    *low_quotient = G(negative)(x) != G(negative)(y) ? -low : low;
    return rest == 0 ? G(signed_as)(0, x) : G(negative)(x) ? -rest : rest;
}
EXPORT T F(remainder)(T x, T y) {
    int unused;
    return F(remquo)(x, y, &unused);
}
ALSO(F(drem), F(remainder));

/* -- comparing and stepping ------------------------------------------------------------------ */

EXPORT T F(fmin)(T x, T y) {
    if (G(nan)(x)) return y;
    if (G(nan)(y)) return x;
    if (x == 0 && y == 0) return G(negative)(x) ? x : y;
    return x < y ? x : y;
}
EXPORT T F(fmax)(T x, T y) {
    if (G(nan)(x)) return y;
    if (G(nan)(y)) return x;
    if (x == 0 && y == 0) return G(negative)(x) ? y : x;
    return x > y ? x : y;
}
EXPORT T F(fdim)(T x, T y) { return x <= y ? 0 : x - y; }

/* The neighbour of x towards larger (or smaller) size; x finite. */
static T G(step)(T x, bool outwards) {
    T size = G(size)(x);
    if (size == 0) return G(signed_as)(G(power)(LEAST_EXPONENT) * EPSILON, x);
    int exponent = G(field)(size) ? G(exponent)(size) : LEAST_EXPONENT;
    bool below = !outwards && exponent > LEAST_EXPONENT && size == G(power)(exponent);
    T unit = exponent - MANTISSA_BITS + 1 - below < LEAST_EXPONENT
                 ? G(power)(LEAST_EXPONENT) * EPSILON * G(power)(exponent - below - LEAST_EXPONENT)
                 : G(power)(exponent - MANTISSA_BITS + 1 - below);
    T result = G(signed_as)(outwards ? size + unit : size - unit, x);
    if (!G(field)(result) || G(infinite)(result)) errno = ERANGE;
    return result;
}
static T G(towards)(T x, bool up) {
    if (G(infinite)(x)) return (x > 0) == up ? x : G(signed_as)(HUGE, x);
    if (x == 0) x = G(signed_as)(0, up ? 1 : -1);
    return G(step)(x, up == !G(negative)(x));
}
EXPORT T F(nextafter)(T x, T y) {
    if (G(nan)(x) || G(nan)(y)) return x + y;
    return x == y ? y : G(towards)(x, y > x);
}
EXPORT T F(nexttoward)(T x, long double y) {
    if (G(nan)(x) || y != y) return (T)(x + (T)y);
    return (long double)x == y ? (T)y : G(towards)(x, y > x);
}
EXPORT T F(nextup)(T x) { return G(nan)(x) ? x + x : G(towards)(x, true); }
EXPORT T F(nextdown)(T x) { return G(nan)(x) ? x + x : G(towards)(x, false); }
