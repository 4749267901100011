/* math.h against the host's: exact functions bit by bit; the others in units of the last place of the host's long double
 * result (double) or double result (float). */
#include "oracle.h"
#include <math.h>

static double worst;
static const char *worst_name;

static uint64_t bits(double x) {
    uint64_t b;
    memcpy(&b, &x, 8);
    return b;
}
static int same(double a, double b) { return (a != a && b != b) || bits(a) == bits(b); }
static int same_long(long double a, long double b) { return (a != a && b != b) || (a == b && signbit(a) == signbit(b)); }

static double argument(int kind) {
    switch (kind) {
    case 0: return random_double();
    case 1: return ((double)(int64_t)random_bits()) * 0x1p-63;
    case 2: return ((double)(int64_t)random_bits()) * 0x1p-57;
    case 3: return ((double)(int64_t)random_bits()) * 0x1p-53;
    case 4: return (double)(int)random_below(2000) / 8 - 125;
    default: return ((double)(int64_t)random_bits()) * pow(2, (int)random_below(200) - 160);
    }
}

static double ulps(double mine, long double host) {
    if (isnan(mine) && isnan(host)) return 0;
    if ((double)host == mine && (host == 0 || isinf(mine))) return signbit(mine) == signbit(host) ? 0 : 1e9;
    if (isnan(mine) || isnan(host) || isinf(mine)) return 1e9;
    int exponent;
    frexpl(host, &exponent);
    if (exponent < -1021) exponent = -1021;
    return (double)(fabsl(mine - host) / ldexpl(1, exponent - 53));
}

static void accuracy(const char *name, double (*mine)(double), double (*host)(double), long double (*exact)(long double), double limit, int rounds) {
    double most = 0, at = 0;
    long unlike = 0;
    for (int i = 0; i < rounds; i++) {
        double x = argument(i % 6);
        errno = 0;
        double a = mine(x);
        int mine_errno = errno;
        errno = 0;
        double b = host(x);
        int host_errno = errno;
        checks++;
        unlike += !same(a, b);
        if (mine_errno != host_errno && isfinite(x)) differ("%s(%a): errno %d, host %d (%a %a)", name, x, mine_errno, host_errno, a, b);
        if (isinf(b) || isnan(b) ? !same(a, b) : 0) differ("%s(%a): %a, host %a", name, x, a, b);
        else if (isfinite(b)) {
            double u = ulps(a, exact(x));
            if (u > most) most = u, at = x;
        }
    }
    printf("%-8s %.3f ulp at %a; %.3f%% unlike the host's\n", name, most, at, 100.0 * unlike / rounds);
    if (most > limit) differ("%s: %.3f ulp at %a: %a, host %a", name, most, at, mine(at), host(at));
}

static void accuracy2(const char *name, double (*mine)(double, double), double (*host)(double, double), long double (*exact)(long double, long double), double limit, int rounds) {
    double most = 0, at = 0, at2 = 0;
    long unlike = 0;
    for (int i = 0; i < rounds; i++) {
        double x = argument(i % 6), y = argument(random_below(6));
        if (i % 3 == 0) x = fabs(x);
        if (i % 7 == 0) x = random_below(40), y = (int)random_below(40) - 20;
        errno = 0;
        double a = mine(x, y);
        int mine_errno = errno;
        errno = 0;
        double b = host(x, y);
        int host_errno = errno;
        checks++;
        unlike += !same(a, b);
        if (mine_errno != host_errno && isfinite(x) && isfinite(y)) differ("%s(%a, %a): errno %d, host %d (%a %a)", name, x, y, mine_errno, host_errno, a, b);
        if (isinf(b) || isnan(b) ? !same(a, b) : 0) differ("%s(%a, %a): %a, host %a", name, x, y, a, b);
        else if (isfinite(b)) {
            double u = ulps(a, exact(x, y));
            if (u > most) most = u, at = x, at2 = y;
        }
    }
    printf("%-8s %.3f ulp at %a %a; %.3f%% unlike the host's\n", name, most, at, at2, 100.0 * unlike / rounds);
    if (most > limit) differ("%s: %.3f ulp at %a %a: %a, host %a", name, most, at, at2, mine(at, at2), host(at, at2));
}

#define EXACT1(name) \
    for (int i = 0; i < rounds; i++) { \
        double x = argument(i % 6), a = EMU_##name(x), b = name(x); \
        checks++; \
        if (!same(a, b)) differ(#name "(%a): %a, host %a", x, a, b); \
        float fa = EMU_##name##f((float)x), fb = name##f((float)x); \
        if (!same(fa, fb)) differ(#name "f(%a): %a, host %a", (float)x, fa, fb); \
        long double lx = random_long_double(), la = EMU_##name##l(lx), lb = name##l(lx); \
        if (!same_long(la, lb)) differ(#name "l(%La): %La, host %La", lx, la, lb); \
    }
#define EXACT2(name) \
    for (int i = 0; i < rounds; i++) { \
        double x = argument(i % 6), y = argument(random_below(6)), a = EMU_##name(x, y), b = name(x, y); \
        if (isnan(x) || isnan(y) || ((float)x == 0 && (float)y == 0)) continue; \
        checks++; \
        if (!same(a, b)) differ(#name "(%a, %a): %a, host %a", x, y, a, b); \
        float fa = EMU_##name##f((float)x, (float)y), fb = name##f((float)x, (float)y); \
        if (!same(fa, fb)) differ(#name "f(%a, %a): %a, host %a", (float)x, (float)y, fa, fb); \
        long double lx = random_long_double(), ly = random_below(8) ? random_long_double() : (lx + 1), la = EMU_##name##l(lx, ly), lb = name##l(lx, ly); \
        if (!same_long(la, lb)) differ(#name "l(%La, %La): %La, host %La", lx, ly, la, lb); \
    }
#define DECLARE(name) \
    __typeof(&name) EMU_##name = EMU(name); \
    __typeof(&name##f) EMU_##name##f = EMU(name##f); \
    __typeof(&name##l) EMU_##name##l = EMU(name##l);

static void exact(int rounds) {
#define ONE(name) { DECLARE(name) EXACT1(name) }
#define TWO(name) { DECLARE(name) EXACT2(name) }
    ONE(fabs) ONE(floor) ONE(ceil) ONE(trunc) ONE(round) ONE(rint) ONE(nearbyint) ONE(sqrt) ONE(logb) ONE(roundeven) ONE(nextup) ONE(nextdown)
    TWO(copysign) TWO(fmin) TWO(fmax) TWO(fdim) TWO(nextafter)
    { DECLARE(fmod) int rounds_ = rounds; rounds /= 20; EXACT2(fmod) rounds = rounds_; }
    { DECLARE(remainder) int rounds_ = rounds; rounds /= 20; EXACT2(remainder) rounds = rounds_; }
    DECLARE(scalbn) DECLARE(frexp) DECLARE(modf) DECLARE(ilogb) DECLARE(lround) DECLARE(llrint) DECLARE(remquo)
    double (*emu_fma)(double, double, double) = EMU(fma);
    float (*emu_fmaf)(float, float, float) = EMU(fmaf);
    for (int i = 0; i < rounds; i++) {
        double x = argument(i % 6), y = argument(random_below(6)), z = argument(random_below(6));
        int n = (int)random_below(4400) - 2200, a, b;
        if (random_below(2)) n /= 20;
        checks++;
        if (!same(EMU_scalbn(x, n), scalbn(x, n))) differ("scalbn(%a, %d): %a, host %a", x, n, EMU_scalbn(x, n), scalbn(x, n));
        if (!same(EMU_scalbnf(x, n / 8), scalbnf(x, n / 8))) differ("scalbnf(%a, %d): %a, host %a", (float)x, n / 8, EMU_scalbnf(x, n / 8), scalbnf(x, n / 8));
        long double lx = random_long_double();
        if (!same_long(EMU_scalbnl(lx, n * 16), scalbnl(lx, n * 16))) differ("scalbnl(%La, %d): %La, host %La", lx, n * 16, EMU_scalbnl(lx, n * 16), scalbnl(lx, n * 16));
        a = b = 0;
        if (!same(EMU_frexp(x, &a), frexp(x, &b)) || (isfinite(x) && a != b)) differ("frexp(%a)", x);
        if (!same_long(EMU_frexpl(lx, &a), frexpl(lx, &b)) || (isfinite(lx) && a != b)) differ("frexpl(%La)", lx);
        double wa, wb;
        if (!same(EMU_modf(x, &wa), modf(x, &wb)) || !same(wa, wb)) differ("modf(%a)", x);
        if (EMU_ilogb(x) != ilogb(x) || EMU_ilogbl(lx) != ilogbl(lx) || EMU_ilogbf(x) != ilogbf(x)) differ("ilogb(%a) %La", x, lx);
        if (fabs(x) < 9e18 && (EMU_lround(x) != lround(x) || EMU_llrint(x) != llrint(x))) differ("lround(%a)", x);
        int qa, qb;
        if (i % 16 == 0) {
            double ra = EMU_remquo(x, y, &qa), rb = remquo(x, y, &qb);
            if (!same(ra, rb) || (rb == rb && qa != qb)) differ("remquo(%a, %a): %a %d, host %a %d", x, y, ra, qa, rb, qb);
        }
        if (random_below(2)) z = -x * y * (1 + (int)random_below(3) * 0x1p-52);
        if (random_below(8) == 0) x = ldexp(x, -500), y = ldexp(y, -550), z = ldexp(z, -1050);
        if (!same(emu_fma(x, y, z), fma(x, y, z))) differ("fma(%a, %a, %a): %a, host %a", x, y, z, emu_fma(x, y, z), fma(x, y, z));
        if (!same(emu_fmaf(x, y, z), fmaf(x, y, z))) differ("fmaf(%a, %a, %a): %a, host %a", (float)x, (float)y, (float)z, emu_fmaf(x, y, z), fmaf(x, y, z));
    }
}

static void floats(int rounds) {
#define FLOAT(name) { \
        float (*mine)(float) = EMU(name##f); \
        double most = 0; \
        for (int i = 0; i < rounds; i++) { \
            float x = (float)argument(i % 6), a = mine(x); \
            double b = name((double)x); \
            checks++; \
            if (!isfinite(b) || fabs(b) > 3.4e38) { if (!same(a, (float)b)) differ(#name "f(%a): %a, host %a", x, a, b); continue; } \
            int e; frexp(b, &e); if (e < -125) e = -125; \
            double u = b == 0 ? fabs(a) : fabs(a - b) / ldexp(1, e - 24); \
            if (u > most) most = u; \
        } \
        if (most > 0.51) differ(#name "f: %.3f ulp", most); }
    FLOAT(sin) FLOAT(cos) FLOAT(tan) FLOAT(asin) FLOAT(acos) FLOAT(atan) FLOAT(exp) FLOAT(exp2) FLOAT(expm1) FLOAT(log) FLOAT(log2) FLOAT(log10)
    FLOAT(log1p) FLOAT(cbrt) FLOAT(sinh) FLOAT(cosh) FLOAT(tanh) FLOAT(asinh) FLOAT(acosh) FLOAT(atanh) FLOAT(erf) FLOAT(erfc)
}

static void longs(int rounds) {
#define LONG(name, range, limit) { \
        long double (*mine)(long double) = EMU(name##l); \
        double most = 0; long double at = 0; \
        for (int i = 0; i < rounds; i++) { \
            long double x = ((long double)(int64_t)random_bits()) * 0x1p-63L * range, a = mine(x), b = name##l(x); \
            checks++; \
            if (!isfinite(b)) { if (!same_long(a, b)) differ(#name "l(%La): %La, host %La", x, a, b); continue; } \
            int e; frexpl(b, &e); \
            double u = b == 0 ? (double)fabsl(a) : (double)(fabsl(a - b) / ldexpl(1, e - 64)); \
            if (u > most) most = u, at = x; \
        } \
        printf("%-8s %.1f units of a long double's last place at %La\n", #name "l", most, at); \
        if (!(most <= limit)) differ(#name "l: %.1f", most); }
    LONG(sin, 1000, 4) LONG(cos, 1000, 4) LONG(tan, 1000, 8) LONG(asin, 1, 64) LONG(acos, 1, 64) LONG(atan, 50, 64) LONG(exp, 11000, 4) LONG(exp2, 16000, 4)
    LONG(expm1, 3, 64) LONG(log, 1e30L, 4) LONG(log2, 1e30L, 4) LONG(log10, 1e30L, 4) LONG(log1p, 3, 64) LONG(cbrt, 1e20L, 8) LONG(sinh, 30, 64)
    LONG(cosh, 30, 64) LONG(tanh, 3, 64) LONG(asinh, 30, 64) LONG(atanh, 1, 64)
}

int main(int argc, char **argv) {
    open_library(argc, argv);
    int rounds = argc > 2 ? atoi(argv[2]) : 20000;
    exact(rounds);
#define ACCURACY(name, limit) accuracy(#name, EMU(name), name, name##l, limit, rounds)
    ACCURACY(sin, 0.51); ACCURACY(cos, 0.51); ACCURACY(tan, 0.51); ACCURACY(asin, 0.51); ACCURACY(acos, 0.51); ACCURACY(atan, 0.51);
    ACCURACY(exp, 0.51); ACCURACY(exp2, 0.51); ACCURACY(exp10, 0.51); ACCURACY(expm1, 0.51); ACCURACY(log, 0.51); ACCURACY(log2, 0.51); ACCURACY(log10, 0.51);
    ACCURACY(log1p, 0.51); ACCURACY(cbrt, 0.51); ACCURACY(sinh, 0.51); ACCURACY(cosh, 0.51); ACCURACY(tanh, 0.51); ACCURACY(asinh, 0.51); ACCURACY(acosh, 0.51);
    ACCURACY(atanh, 0.51); ACCURACY(erf, 0.6); ACCURACY(erfc, 0.6); ACCURACY(tgamma, 5); ACCURACY(lgamma, 1000);
    accuracy2("pow", EMU(pow), pow, powl, 0.52, rounds * 3);
    accuracy2("atan2", EMU(atan2), atan2, atan2l, 0.51, rounds);
    accuracy2("hypot", EMU(hypot), hypot, hypotl, 0.51, rounds);
    floats(rounds);
    longs(rounds / 4);
    return report();
}
