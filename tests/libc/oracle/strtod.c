/* strtod, strtof, strtold, strtol and kin against the host's: value, end and errno. */
#include "oracle.h"

static double (*emu_strtod)(const char *, char **);
static float (*emu_strtof)(const char *, char **);
static long double (*emu_strtold)(const char *, char **);

#define COMPARE(type, size, mine_fn, host_fn, text) \
    do { \
        type mine, host; \
        char *mine_end, *host_end; \
        memset(&mine, 0, sizeof mine), memset(&host, 0, sizeof host); \
        errno = 0; \
        mine = mine_fn(text, &mine_end); \
        int mine_errno = errno; \
        errno = 0; \
        host = host_fn(text, &host_end); \
        int host_errno = errno; \
        checks++; \
        if (memcmp(&mine, &host, size) || mine_end != host_end || mine_errno != host_errno) \
            differ(#host_fn "(\"%.80s\"): %.20Lg +%ld errno %d, host %.20Lg +%ld errno %d", text, (long double)mine, \
                   (long)(mine_end - text), mine_errno, (long double)host, (long)(host_end - text), host_errno); \
    } while (0)

static void compare(const char *text) {
    COMPARE(double, 8, emu_strtod, strtod, text);
    COMPARE(float, 4, emu_strtof, strtof, text);
    COMPARE(long double, 10, emu_strtold, strtold, text);
}

static void random_text(char *to) {
    int digits = 1 + random_below(random_below(4) ? 20 : 60), point = random_below(digits + 1);
    if (random_below(3) == 0) *to++ = "+-"[random_below(2)];
    for (int i = 0; i < digits; i++) {
        if (i == point && random_below(4)) *to++ = '.';
        *to++ = (char)('0' + (random_below(3) ? random_below(10) : random_below(2) * 9));
    }
    if (random_below(2)) to += sprintf(to, "e%d", (int)random_below(90) - 45);
    else if (random_below(2)) to += sprintf(to, "E%+d", (int)random_below(800) - 400);
    else if (random_below(4) == 0) to += sprintf(to, "e%d", (int)random_below(11000) - 5500);
    if (random_below(10) == 0) strcpy(to, "xyz");
    else *to = 0;
}

static void random_hex(char *to) {
    to += sprintf(to, "0x");
    int digits = 1 + random_below(40), point = random_below(digits + 1);
    for (int i = 0; i < digits; i++) {
        if (i == point) *to++ = '.';
        *to++ = "0123456789abcdefABCDEF00ffff8888"[random_below(32)];
    }
    if (random_below(4)) to += sprintf(to, "p%d", (int)random_below(random_below(2) ? 2400 : 34000) - 1200);
    *to = 0;
}

/* The exact decimal text of a number half way between two doubles (or floats), and its neighbours. */
static void ties(int rounds) {
    static char text[20000];
    for (int i = 0; i < rounds; i++) {
        union { uint64_t bits; double value; } u = {random_bits() & ~(1ull << 63)};
        if (random_below(2)) u.bits = (u.bits & 0x800fffffffffffff) | (uint64_t)(900 + random_below(200)) << 52;
        if ((u.bits >> 52) >= 0x7fe) continue;
        union { uint64_t bits; double value; } next = {u.bits + 1};
        long double middle = ((long double)u.value + next.value) / 2;
        if (random_below(2)) middle = ((long double)(float)u.value + __builtin_nextafterf((float)u.value, 1e38f)) / 2;
        if (!__builtin_isfinite(middle)) continue;
        int n = snprintf(text, sizeof text - 100, "%.1200Lf", middle);
        compare(text);
        strcpy(text + n, "000000001");
        compare(text);
        char *last = text + n - 1;
        while (*last == '0' || *last == '.') last--;
        --*last;
        compare(text);
        snprintf(text, sizeof text, "%.*Le", 5 + random_below(40), middle);
        compare(text);
    }
}

static void integers(int rounds) {
    long (*emu_strtol)(const char *, char **, int) = EMU(strtol);
    unsigned long (*emu_strtoul)(const char *, char **, int) = EMU(strtoul);
    long long (*emu_strtoll)(const char *, char **, int) = EMU(strtoll);
    unsigned long long (*emu_strtoull)(const char *, char **, int) = EMU(strtoull);
    static const char *odd[] = {"", " ", "-", "+", "0x", "0xg", "-0x1f", "0b101", "08", "- 1", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "-18446744073709551615",
        "-18446744073709551616", "\t\n\v\f\r 42", "zz", "99999999999999999999999", "-1", "0", "00", "0x0", "1_000"};
    char text[80];
    for (int i = 0; i < rounds; i++) {
        int base = random_below(37);
        if (base == 1) base = 0;
        if (i < (int)(sizeof odd / sizeof *odd) * 4) {
            strcpy(text, odd[i / 4]);
            base = (int[]){0, 10, 16, 36}[i % 4];
        } else {
            char *to = text;
            for (int n = random_below(3); n > 0; n--) *to++ = " -+0"[random_below(4)];
            for (int n = random_below(70); n >= 0; n -= 3) *to++ = "0123456789abcdefxXzZ"[random_below(random_below(3) ? 10 : 20)];
            *to = 0;
        }
#define INTEGER(name) \
        do { \
            char *mine_end = text, *host_end = text; \
            errno = 0; \
            unsigned long long mine = (unsigned long long)emu_##name(text, &mine_end, base); \
            int mine_errno = errno; \
            errno = 0; \
            unsigned long long host = (unsigned long long)name(text, &host_end, base); \
            int host_errno = errno; \
            checks++; \
            if (mine != host || mine_end != host_end || mine_errno != host_errno) \
                differ(#name "(\"%s\", %d): %llx +%d %d, host %llx +%d %d", text, base, mine, (int)(mine_end - text), mine_errno, host, \
                       (int)(host_end - text), host_errno); \
        } while (0)
        INTEGER(strtol);
        INTEGER(strtoul);
        INTEGER(strtoll);
        INTEGER(strtoull);
    }
}

int main(int argc, char **argv) {
    open_library(argc, argv);
    emu_strtod = EMU(strtod), emu_strtof = EMU(strtof), emu_strtold = EMU(strtold);
    int rounds = argc > 2 ? atoi(argv[2]) : 20000;
    static const char *odd[] = {
        "", "  ", "-", "+", ".", "-.", "e5", ".e5", "1.", ".5", "1e", "1e+", "1e-", "1e+x", "0x", "0x.", "0x.p1", "0xp1", "0x1p", "0x1p+", "0x1.8p1",
        "inf", "INF", "-infinity", "infinit", "infinityx", "nan", "NAN", "-nan", "nan(", "nan()", "nan(123)", "nan(0x7f)", "nan(abc)", "nan(1-2)", "nanx",
        "1e400", "-1e400", "1e-400", "1e99999999999999999999", "1e-99999999999999999999", "0e99999999999999999999", "0.0e-5", "-0", "-0.0",
        "2.2250738585072011e-308", "2.2250738585072012e-308", "2.2250738585072014e-308", "4.9e-324", "2.4703282292062327e-324",
        "2.4703282292062328e-324", "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1.17549429e-38", "1.17549435e-38",
        "1.1754942807573642918e-38", "1.1754942807573642919e-38", "1.40129846e-45", "7.006492321624085e-46", "7.006492321624086e-46",
        "3.4028235e38", "3.4028236e38", "3.40282357e38", "1e4932", "1.19e4932", "3.6e-4951", "1.8e-4951", "3.36210314311209350626e-4932",
        "9007199254740993", "9007199254740992.5", "8388609.5", "0.1", "0.3", "1e23", "8.5e22", "  \t\n 12", "0000000000000000000000000000001.5",
        "0.000000000000000000000000000000000000000000000000000000000001", "123456789012345678901234567890", "0x1.fffffffffffff8p0", "0x1.fffffffffffff7ffp0",
        "0x0.0000000000001p-1022", "0x0.00000000000008p-1022", "0x1p-1075", "0x1.8p-1075", "0x1p1024", "0x1p99999999999999999999", "0x1.fffffeffffffffp127",
        "0x1.ffffffp127", "0x0.ffffffp-126", "0x0.fffffffffffff8p-1022", "0x0.fffffffffffffcp-1022", "0x0.fffffffp-126"};
    for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) compare(odd[i]);
    char text[200];
    for (int i = 0; i < rounds; i++) {
        random_text(text);
        compare(text);
        if (i % 4 == 0) random_hex(text), compare(text);
        snprintf(text, sizeof text, "%.*g", 1 + (int)random_below(20), random_double());
        compare(text);
        snprintf(text, sizeof text, "%.*Lg", 1 + (int)random_below(25), random_long_double());
        compare(text);
    }
    ties(rounds / 20);
    integers(rounds);
    return report();
}
