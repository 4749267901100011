/* Wide formats and streams, multibyte text, complex numbers, the floating-point environment, ecvt, glob and the
 * environment variables against the host's. */
#include "oracle.h"
#include <complex.h>
#include <fenv.h>
#include <glob.h>
#include <locale.h>
#include <math.h>
#include <unistd.h>
#include <wchar.h>

static void wide_formats(void) {
    int (*mine)(wchar_t *, size_t, const wchar_t *, ...) = symbol("swprintf");
    wchar_t a[400], b[400];
#define WIDE(...) \
    do { \
        memset(a, 0, sizeof a), memset(b, 0, sizeof b); \
        int m_ = mine(a, 400, __VA_ARGS__), h_ = swprintf(b, 400, __VA_ARGS__); \
        checks++; \
        if (m_ != h_ || wcscmp(a, b)) differ("swprintf line %d: %d %x, host %d %x", __LINE__, m_, a[m_ > 0 ? m_ - 1 : 0], h_, b[h_ > 0 ? h_ - 1 : 0]); \
    } while (0)
    WIDE(L"%d %5.2f|%-8s|%ls|%lc|%c", 42, 3.14159, "narrow", L"wide", L'w', 'c');
    WIDE(L"%08x %+d %#o %e %g", 255, 7, 8, 1e10, 1e-10);
    WIDE(L"%.3ls|%6ls|%-6ls|%.2s", L"abcdef", L"abc", L"abc", "xyz");
    WIDE(L"literal \x20ac %ls", L"\x20ac\x10348");
    WIDE(L"%s", "\xe2\x82\xac");
    wchar_t small[4];
    checks++;
    if (mine(small, 4, L"%d", 12345) != swprintf(small, 4, L"%d", 12345)) differ("swprintf into too little");
}

static void multibyte(const char *locale) {
    char *(*my_setlocale)(int, const char *) = symbol("setlocale");
    const char *m = my_setlocale(LC_ALL, locale), *h = setlocale(LC_ALL, locale);
    checks++;
    if (strcmp(m ? m : "-", h ? h : "-")) differ("setlocale %s: %s, host %s", locale, m, h);
    __typeof(&mbrtowc) my_mbrtowc = EMU(mbrtowc);
    __typeof(&wcrtomb) my_wcrtomb = EMU(wcrtomb);
    __typeof(&mbstowcs) my_mbstowcs = EMU(mbstowcs);
    __typeof(&wcstombs) my_wcstombs = EMU(wcstombs);
    for (int i = 0; i < 20000; i++) {
        char text[10];
        int size = 1 + random_below(6);
        for (int k = 0; k < size; k++) text[k] = (char)(random_below(2) ? 0x80 + random_below(0x74) : random_below(0xf4));
        if (random_below(2)) {
            unsigned c = random_below(0xe0000);
            mbstate_t s = {0};
            int n = wcrtomb(text, c, &s);
            size = n > 0 ? n + (int)random_below(2) : size;
        }
        mbstate_t ms = {0}, hs = {0};
        for (int k = 0; k < size;) {
            wchar_t mw = 7, hw = 7;
            int step = 1 + random_below(4);
            if (step > size - k) step = size - k;
            size_t mn = my_mbrtowc(&mw, text + k, step, &ms), hn = mbrtowc(&hw, text + k, step, &hs);
            checks++;
            if (mn != hn || ((ssize_t)mn >= 0 && mw != hw)) {
                differ("mbrtowc %s %02x %02x %02x %02x at %d step %d: %zd %x, host %zd %x", locale, (unsigned char)text[0], (unsigned char)text[1], (unsigned char)text[2], (unsigned char)text[3], k, step, mn, mw, hn, hw);
                break;
            }
            if (mn == (size_t)-1) break;
            k += mn == (size_t)-2 || mn == 0 ? step : (int)mn;
        }
        wchar_t wide[4] = {(wchar_t)(random_below(9) ? random_below(0xe0000) : 0x100000 + random_below(0x10000)), (wchar_t)random_below(300), 0};
        char mb[20] = "", hb[20] = "";
        memset(&ms, 0, sizeof ms), memset(&hs, 0, sizeof hs);
        size_t mn = my_wcrtomb(mb, wide[0], &ms), hn = wcrtomb(hb, wide[0], &hs);
        if (mn != hn || ((ssize_t)mn > 0 && memcmp(mb, hb, mn))) differ("wcrtomb %x: %zd, host %zd", wide[0], mn, hn);
        mn = my_wcstombs(mb, wide, sizeof mb), hn = wcstombs(hb, wide, sizeof hb);
        if (mn != hn) differ("wcstombs %x %x: %zd, host %zd", wide[0], wide[1], mn, hn);
    }
    my_setlocale(LC_ALL, "C"), setlocale(LC_ALL, "C");
}

static int near(double complex a, double complex b) {
    if (isnan(creal(b)) || isnan(cimag(b)) || isinf(creal(b)) || isinf(cimag(b))) return 1;
    return cabs(a - b) <= 1e-13 * (1e-3 + cabs(b));
}
static void complexes(void) {
#define COMPLEX(name) { \
        double complex (*mine)(double complex) = (double complex (*)(double complex))symbol(#name); \
        for (int i = 0; i < 2000; i++) { \
            double complex z = ((double)(int)random_below(8001) / 1000 - 4) + I * ((double)(int)random_below(8001) / 1000 - 4), a = mine(z), b = name(z); \
            checks++; \
            if (!near(a, b)) differ(#name "(%g%+gi): %.17g%+.17gi, host %.17g%+.17gi", creal(z), cimag(z), creal(a), cimag(a), creal(b), cimag(b)); \
        } }
    COMPLEX(cexp) COMPLEX(clog) COMPLEX(csqrt) COMPLEX(csin) COMPLEX(ccos) COMPLEX(ctan) COMPLEX(csinh) COMPLEX(ccosh) COMPLEX(ctanh) COMPLEX(casin) COMPLEX(cacos) COMPLEX(catan)
    COMPLEX(casinh) COMPLEX(cacosh) COMPLEX(catanh) COMPLEX(conj) COMPLEX(cproj)
    double complex (*my_cpow)(double complex, double complex) = symbol("cpow");
    checks++;
    if (!near(my_cpow(1 + 2 * I, 0.5 - I), cpow(1 + 2 * I, 0.5 - I))) differ("cpow");
}

static void environment(void) {
    int (*my_fesetround)(int) = symbol("fesetround"), (*my_fegetround)(void) = symbol("fegetround"), (*my_fetestexcept)(int) = symbol("fetestexcept");
    int (*my_feclearexcept)(int) = symbol("feclearexcept"), (*my_feraiseexcept)(int) = symbol("feraiseexcept"), (*my_feholdexcept)(fenv_t *) = symbol("feholdexcept"), (*my_fesetenv)(const fenv_t *) = symbol("fesetenv");
    int modes[] = {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO, FE_TONEAREST};
    volatile double three = 3, zero = 0;
    for (int i = 0; i < 4; i++) {
        checks++;
        if (my_fesetround(modes[i]) || fegetround() != modes[i] || my_fegetround() != modes[i]) differ("fesetround %x", modes[i]);
        volatile double third = 1 / three;
        if ((i == 1) != (third == 0x1.5555555555556p-2)) differ("mode %x does nothing", modes[i]);
    }
    fenv_t e;
    my_feclearexcept(FE_ALL_EXCEPT);
    volatile double x = 1 / zero;
    checks += 4;
    if (my_fetestexcept(FE_ALL_EXCEPT) != FE_DIVBYZERO || fetestexcept(FE_ALL_EXCEPT) != FE_DIVBYZERO) differ("FE_DIVBYZERO");
    my_feraiseexcept(FE_OVERFLOW);
    if (fetestexcept(FE_ALL_EXCEPT) != (FE_DIVBYZERO | FE_OVERFLOW)) differ("feraiseexcept");
    my_feholdexcept(&e);
    if (fetestexcept(FE_ALL_EXCEPT)) differ("feholdexcept");
    my_fesetenv(&e);
    if (fetestexcept(FE_ALL_EXCEPT) != (FE_DIVBYZERO | FE_OVERFLOW)) differ("fesetenv");
    my_fesetenv(FE_DFL_ENV);
    if (fetestexcept(FE_ALL_EXCEPT)) differ("FE_DFL_ENV");
}

static void conversions(void) {
    char *(*my_ecvt)(double, int, int *, int *) = symbol("ecvt"), *(*my_fcvt)(double, int, int *, int *) = symbol("fcvt"), *(*my_gcvt)(double, int, char *) = symbol("gcvt");
    static const double values[] = {0, 1, -1, 3.14159, 123456.789, 1e-5, 0.00123, 1e20, 0.5, 42, -2.5e-7};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
        for (int digits = 1; digits < 12; digits++) {
            int mp, hp, mn, hn;
            char a[400], b[400];
            strcpy(a, my_ecvt(values[i], digits, &mp, &mn)), strcpy(b, ecvt(values[i], digits, &hp, &hn));
            checks += 3;
            if (strcmp(a, b) || mp != hp || mn != hn) differ("ecvt(%g, %d): %s %d %d, host %s %d %d", values[i], digits, a, mp, mn, b, hp, hn);
            strcpy(a, my_fcvt(values[i], digits, &mp, &mn)), strcpy(b, fcvt(values[i], digits, &hp, &hn));
            if (strcmp(a, b) || mp != hp || mn != hn) differ("fcvt(%g, %d): %s %d %d, host %s %d %d", values[i], digits, a, mp, mn, b, hp, hn);
            if (strcmp(my_gcvt(values[i], digits, a), gcvt(values[i], digits, b))) differ("gcvt(%g, %d): %s, host %s", values[i], digits, a, b);
        }
}

static void names(void) {
    int (*my_glob)(const char *, int, int (*)(const char *, int), glob_t *) = symbol("glob");
    void (*my_globfree)(glob_t *) = symbol("globfree");
    static const char *patterns[] = {"/etc/*.conf", "/etc/h*", "/*", "/nonexistent*", "/etc/host[s]", "/usr/*/ld*", "/etc/passwd", "/e?c/pass*", "/etc/init.d/../hos*", "/*/passwd", "/proc/self/f[d]"};
    static const int flags[] = {0, GLOB_MARK, GLOB_NOCHECK, GLOB_PERIOD, GLOB_NOSORT | GLOB_NOMAGIC, GLOB_MARK | GLOB_NOCHECK};
    for (unsigned p = 0; p < sizeof patterns / sizeof *patterns; p++)
        for (unsigned f = 0; f < 6; f++) {
            glob_t a = {0}, b = {0};
            int m = my_glob(patterns[p], flags[f], NULL, &a), h = glob(patterns[p], flags[f], NULL, &b);
            checks++;
            if (m != h || (!m && a.gl_pathc != b.gl_pathc)) differ("glob %s %d: %d %zu, host %d %zu", patterns[p], flags[f], m, a.gl_pathc, h, b.gl_pathc);
            else
                for (size_t i = 0; !m && !(flags[f] & GLOB_NOSORT) && i < a.gl_pathc; i++)
                    if (strcmp(a.gl_pathv[i], b.gl_pathv[i])) differ("glob %s: %s, host %s", patterns[p], a.gl_pathv[i], b.gl_pathv[i]);
            my_globfree(&a), globfree(&b);
        }
    char *(*my_realpath)(const char *, char *) = symbol("realpath");
    static const char *paths[] = {"/", "/etc/../usr/./bin", "/proc/self", "/nonexistent", "/etc/passwd/x", "/etc/passwd/", "", ".", "..", "/bin", "/dev/stdin/.."};
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        char a[4096] = "", b[4096] = "";
        errno = 0;
        char *m = my_realpath(paths[i], a);
        int me = errno;
        errno = 0;
        char *h = realpath(paths[i], b);
        int he = errno;
        checks++;
        if (!m != !h || (m && strcmp(a, b)) || (!m && me != he)) differ("realpath %s: %s %d, host %s %d", paths[i], m, me, h, he);
    }
}

int main(int argc, char **argv) {
    open_library(argc, argv);
    wide_formats();
    multibyte("C");
    multibyte("C.UTF-8");
    complexes();
    environment();
    conversions();
    names();
    return report();
}
