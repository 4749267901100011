// The compiler's runtime: what a processor cannot do itself, from libgcc_s.so.1 (linked with -shared-libgcc).
#include <cstdint>
#include <cstdio>
#include <cstring>

template <class T> static void show(const char *name, T value) {
    unsigned char bytes[sizeof value];
    size_t size = sizeof value;
#if defined(__x86_64__)
    if (sizeof value == sizeof(long double) && (T)0.5 != 0) size = 10;
#endif
    memcpy(bytes, &value, sizeof value);
    printf("%s ", name);
    for (size_t i = size; i--;) printf("%02x", bytes[i]);
    putchar('\n');
}
#define SHOW(expression) show(#expression, expression)

static volatile int i1 = -100, i2 = 7, small = 5;
static volatile unsigned u1 = 4000000000u, u2 = 7;
static volatile long long l1 = -10000000000LL, l2 = 300007;
static volatile unsigned long long w1 = 0xfedcba9876543210ULL, w2 = 1000003;
static volatile double d1 = -1e10, d2 = 3.25, nan_value = __builtin_nan("");
static volatile float f1 = 1e10f, f2 = -2.5f;
static volatile long double q1 = 1.25L, q2 = -3e17L;

template <class Wide, class Signed> static void integers(Wide w1, Wide w2, Signed l1, Signed l2) {
    SHOW(l1 / l2); SHOW(l1 % l2); SHOW(w1 / w2); SHOW(w1 % w2); SHOW(l1 * l2);
    SHOW(w1 << small); SHOW(w1 >> small); SHOW(l1 >> small);
    SHOW((double)l1); SHOW((double)w1); SHOW((float)l1); SHOW((float)w1); SHOW((long double)l1); SHOW((long double)w1);
    SHOW((Signed)d1); SHOW((Wide)d2); SHOW((Signed)f2); SHOW((Wide)f1); SHOW((Signed)q2); SHOW((Wide)q1);
}
template <class Float> static void floats(Float a, Float b) {
    SHOW(a + b); SHOW(a - b); SHOW(a * b); SHOW(a / b); SHOW(-a);
    SHOW((int)(a < b)); SHOW((int)(a <= b)); SHOW((int)(a == b)); SHOW((int)(a != b)); SHOW((int)(a >= b)); SHOW((int)(a > b));
    SHOW((int)(a < (Float)nan_value)); SHOW((int)__builtin_isunordered(a, (Float)nan_value));
    SHOW((int)small + a); SHOW((unsigned)u2 * a); SHOW((int)a); SHOW((double)a); SHOW((float)a); SHOW((long double)b);
    SHOW(__builtin_powi(2.5, small)); SHOW(__builtin_powil(a, small));
    _Complex double x, y;
    __real__ x = a, __imag__ x = 2, __real__ y = 3, __imag__ y = -b;
    _Complex double dividend = {2.0 * small, 4.0 * small}, divisor = {d2 - 2.25, 1};
    _Complex double product = x * y, quotient = dividend / divisor;   // exact: the last bit is the library's own affair
    SHOW(__real__ product); SHOW(__imag__ product); SHOW(__real__ quotient); SHOW(__imag__ quotient);
}

int main() {
    SHOW(i1 / i2); SHOW(i1 % i2); SHOW(u1 / u2); SHOW(u1 % u2);
    integers<unsigned long long, long long>(w1, w2, l1, l2);
#if defined(__SIZEOF_INT128__)
    integers<unsigned __int128, __int128>((unsigned __int128)w1 << 50 | 12345, w2, (__int128)l1 * 99999999999LL, l2);
#endif
    floats<float>(f1, f2);
    floats<double>(d1, d2);
    floats<long double>(q1, q2);
    SHOW(__builtin_popcountll(w1)); SHOW(__builtin_clzll(w2)); SHOW(__builtin_ctzll(w1)); SHOW(__builtin_parityll(w1));
    SHOW(__builtin_clrsbll(l1)); SHOW(__builtin_ffsll(w1)); SHOW(__builtin_bswap64(w1));
}
