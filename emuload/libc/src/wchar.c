/* wchar.h and wctype.h: wide strings. Characters are classified as in the C locale: those of ASCII. */
#include "lib.h"

/* -- wmem*, wcs* ----------------------------------------------------------------------------- */

EXPORT wide *wmemcpy(wide *restrict to, const wide *restrict from, size_t n) { return memcpy(to, from, n * sizeof *to); }
EXPORT wide *wmemmove(wide *to, const wide *from, size_t n) { return memmove(to, from, n * sizeof *to); }
EXPORT wide *wmempcpy(wide *restrict to, const wide *restrict from, size_t n) { return (wide *)memcpy(to, from, n * sizeof *to) + n; }
EXPORT wide *wmemset(wide *to, wide c, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] = c;
    return to;
}
EXPORT int wmemcmp(const wide *a, const wide *b, size_t n) {
    for (; n; n--, a++, b++)
        if (*a != *b) return *a < *b ? -1 : 1;
    return 0;
}
EXPORT wide *wmemchr(const wide *s, wide c, size_t n) {
    for (; n; n--, s++)
        if (*s == c) return (wide *)s;
    return NULL;
}

EXPORT size_t wcslen(const wide *s) {
    size_t n = 0;
    while (s[n]) n++;
    return n;
}
EXPORT size_t wcsnlen(const wide *s, size_t limit) {
    size_t n = 0;
    while (n < limit && s[n]) n++;
    return n;
}
EXPORT wide *wcpcpy(wide *restrict to, const wide *restrict from) {
    size_t n = wcslen(from);
    memcpy(to, from, (n + 1) * sizeof *to);
    return to + n;
}
EXPORT wide *wcscpy(wide *restrict to, const wide *restrict from) {
    wcpcpy(to, from);
    return to;
}
EXPORT wide *wcpncpy(wide *restrict to, const wide *restrict from, size_t n) {
    size_t copied = wcsnlen(from, n);
    wmemcpy(to, from, copied);
    wmemset(to + copied, 0, n - copied);
    return to + copied;
}
EXPORT wide *wcsncpy(wide *restrict to, const wide *restrict from, size_t n) {
    wcpncpy(to, from, n);
    return to;
}
EXPORT wide *wcscat(wide *restrict to, const wide *restrict from) {
    wcscpy(to + wcslen(to), from);
    return to;
}
EXPORT wide *wcsncat(wide *restrict to, const wide *restrict from, size_t n) {
    size_t copied = wcsnlen(from, n);
    wide *end = wmempcpy(to + wcslen(to), from, copied);
    *end = 0;
    return to;
}
EXPORT int wcsncmp(const wide *a, const wide *b, size_t n) {
    for (; n; n--, a++, b++)
        if (*a != *b || !*a) return *a < *b ? -1 : *a > *b;
    return 0;
}
EXPORT int wcscmp(const wide *a, const wide *b) { return wcsncmp(a, b, SIZE_MAX); }
ALSO(wcscoll, wcscmp);
EXPORT int wcscoll_l(const wide *a, const wide *b, void *locale) { return wcscmp(a, b); }
ALSO(__wcscoll_l, wcscoll_l);
EXPORT wide *wcschrnul(const wide *s, wide c) {
    while (*s && *s != c) s++;
    return (wide *)s;
}
EXPORT wide *wcschr(const wide *s, wide c) {
    wide *p = wcschrnul(s, c);
    return *p == c ? p : NULL;
}
EXPORT wide *wcsrchr(const wide *s, wide c) {
    for (size_t n = wcslen(s) + 1; n-- > 0;)
        if (s[n] == c) return (wide *)s + n;
    return NULL;
}
EXPORT size_t wcsspn(const wide *s, const wide *accept) {
    size_t n = 0;
    while (s[n] && wcschr(accept, s[n])) n++;
    return n;
}
EXPORT size_t wcscspn(const wide *s, const wide *reject) {
    size_t n = 0;
    while (s[n] && !wcschr(reject, s[n])) n++;
    return n;
}
EXPORT wide *wcspbrk(const wide *s, const wide *accept) {
    s += wcscspn(s, accept);
    return *s ? (wide *)s : NULL;
}
EXPORT wide *wcsstr(const wide *haystack, const wide *needle) {
    size_t n = wcslen(needle);
    for (;; haystack++) {
        if (!wcsncmp(haystack, needle, n)) return (wide *)haystack;
        if (!*haystack) return NULL;
    }
}
ALSO(wcswcs, wcsstr);
EXPORT wide *wcstok(wide *restrict s, const wide *restrict separators, wide **restrict rest) {
    if (!s) s = *rest;
    if (!s) return NULL;
    s += wcsspn(s, separators);
    if (!*s) {
        *rest = NULL;
        return NULL;
    }
    wide *end = s + wcscspn(s, separators);
    *rest = *end ? end + 1 : NULL;
    *end = 0;
    return s;
}
EXPORT wide *wcsdup(const wide *s) {
    size_t size = (wcslen(s) + 1) * sizeof *s;
    wide *copy = emu_heap.malloc(size);
    return copy ? memcpy(copy, s, size) : NULL;
}
EXPORT size_t wcsxfrm(wide *restrict to, const wide *restrict from, size_t n) {
    size_t size = wcslen(from);
    if (n) {
        size_t copied = size < n ? size : n - 1;
        wmemcpy(to, from, copied);
        to[copied] = 0;
    }
    return size;
}
EXPORT size_t wcsxfrm_l(wide *restrict to, const wide *restrict from, size_t n, void *locale) { return wcsxfrm(to, from, n); }
ALSO(__wcsxfrm_l, wcsxfrm_l);
EXPORT size_t wcslcpy(wide *restrict to, const wide *restrict from, size_t n) { return wcsxfrm(to, from, n); }

/* Columns on a terminal: none for zero and combining marks, two for East Asian wide forms (coarse ranges of UAX #11). */
EXPORT int wcwidth(wide c) {
    uint32_t u = (uint32_t)c;
    if (!u) return 0;
    if (u < 32 || (u >= 127 && u < 160) || u > 0x10ffff) return -1;
    if (u >= 128 && !emu_locale_utf8()) return -1;
    if (u >= 0x300 && u < 0x370) return 0;
    bool two = (u >= 0x1100 && u < 0x1160) || (u >= 0x2e80 && u < 0xa4d0) || (u >= 0xac00 && u < 0xd7a4) || (u >= 0xf900 && u < 0xfb00) ||
               (u >= 0xfe30 && u < 0xfe70) || (u >= 0xff00 && u < 0xff61) || (u >= 0x1f300 && u < 0x1f650) || (u >= 0x20000 && u < 0x3fffe);
    return two ? 2 : 1;
}
EXPORT int wcswidth(const wide *s, size_t n) {
    int columns = 0;
    for (; n && *s; n--, s++) {
        int one = wcwidth(*s);
        if (one < 0) return -1;
        columns += one;
    }
    return columns;
}

/* -- wctype.h -------------------------------------------------------------------------------- */

extern HIDDEN const uint16_t *const emu_ctype_classes;

static int has(uint32_t c, unsigned bits) { return c < 128 ? emu_ctype_classes[c] & bits : 0; }

#define CLASS(name, bits) \
    EXPORT int isw##name(uint32_t c) { return has(c, bits); } \
    EXPORT int isw##name##_l(uint32_t c, void *locale) { return has(c, bits); } \
    ALSO(__isw##name##_l, isw##name##_l)
CLASS(alnum, 0x8);
CLASS(alpha, 0x400);
CLASS(blank, 0x1);
CLASS(cntrl, 0x2);
CLASS(digit, 0x800);
CLASS(graph, 0x8000);
CLASS(lower, 0x200);
CLASS(print, 0x4000);
CLASS(punct, 0x4);
CLASS(space, 0x2000);
CLASS(upper, 0x100);
CLASS(xdigit, 0x1000);

EXPORT uint32_t towlower(uint32_t c) { return c < 128 ? (uint32_t)to_lower((int)c) : c; }
EXPORT uint32_t towupper(uint32_t c) { return c < 128 ? (uint32_t)to_upper((int)c) : c; }
EXPORT uint32_t towlower_l(uint32_t c, void *locale) { return towlower(c); }
EXPORT uint32_t towupper_l(uint32_t c, void *locale) { return towupper(c); }
ALSO(__towlower_l, towlower_l);
ALSO(__towupper_l, towupper_l);

static int compare_folded(const wide *a, const wide *b, size_t n) {
    for (; n; n--, a++, b++) {
        uint32_t x = towlower((uint32_t)*a), y = towlower((uint32_t)*b);
        if (x != y || !x) return x < y ? -1 : x > y;
    }
    return 0;
}
EXPORT int wcscasecmp(const wide *a, const wide *b) { return compare_folded(a, b, SIZE_MAX); }
EXPORT int wcsncasecmp(const wide *a, const wide *b, size_t n) { return compare_folded(a, b, n); }

static const struct { const char *name; uint16_t bits; } classes[] = {
    {"alnum", 0x8}, {"alpha", 0x400}, {"blank", 0x1}, {"cntrl", 0x2}, {"digit", 0x800}, {"graph", 0x8000},
    {"lower", 0x200}, {"print", 0x4000}, {"punct", 0x4}, {"space", 0x2000}, {"upper", 0x100}, {"xdigit", 0x1000},
};
EXPORT unsigned long wctype(const char *name) {
    for (unsigned i = 0; i < sizeof classes / sizeof *classes; i++)
        if (!strcmp(classes[i].name, name)) return classes[i].bits;
    return 0;
}
EXPORT int iswctype(uint32_t c, unsigned long class) { return has(c, (unsigned)class); }
EXPORT unsigned long wctype_l(const char *name, void *locale) { return wctype(name); }
EXPORT int iswctype_l(uint32_t c, unsigned long class, void *locale) { return iswctype(c, class); }
ALSO(__wctype_l, wctype_l);
ALSO(__iswctype_l, iswctype_l);
EXPORT const void *wctrans(const char *name) {
    return !strcmp(name, "tolower") ? (void *)1 : !strcmp(name, "toupper") ? (void *)2 : NULL;
}
EXPORT uint32_t towctrans(uint32_t c, const void *mapping) {
    return mapping == (void *)1 ? towlower(c) : mapping == (void *)2 ? towupper(c) : c;
}

/* -- numbers: wide digits are those of ASCII, so a narrow copy of what could belong serves -------- */

enum { LONGEST_NUMBER = 1024 };
static size_t narrow_copy(char *to, const wide *s) {
    size_t n = 0;
    for (; n < LONGEST_NUMBER && s[n] > 0 && s[n] < 128; n++) to[n] = (char)s[n];
    to[n] = 0;
    return n;
}
#define NUMBER(type, name, narrow, ...) \
    { \
        char text[LONGEST_NUMBER + 1], *stop; \
        narrow_copy(text, s); \
        type value = narrow(text, &stop, ##__VA_ARGS__); \
        if (end) *end = (wide *)s + (stop - text); \
        return value; \
    }
long strtol(const char *restrict s, char **restrict end, int base);
long long strtoll(const char *restrict s, char **restrict end, int base);
unsigned long strtoul(const char *restrict s, char **restrict end, int base);
unsigned long long strtoull(const char *restrict s, char **restrict end, int base);
double strtod(const char *restrict s, char **restrict end);
float strtof(const char *restrict s, char **restrict end);
long double strtold(const char *restrict s, char **restrict end);
EXPORT long wcstol(const wide *restrict s, wide **restrict end, int base) NUMBER(long, wcstol, strtol, base)
EXPORT long long wcstoll(const wide *restrict s, wide **restrict end, int base) NUMBER(long long, wcstoll, strtoll, base)
EXPORT unsigned long wcstoul(const wide *restrict s, wide **restrict end, int base) NUMBER(unsigned long, wcstoul, strtoul, base)
EXPORT unsigned long long wcstoull(const wide *restrict s, wide **restrict end, int base)
    NUMBER(unsigned long long, wcstoull, strtoull, base)
EXPORT double wcstod(const wide *restrict s, wide **restrict end) NUMBER(double, wcstod, strtod)
EXPORT float wcstof(const wide *restrict s, wide **restrict end) NUMBER(float, wcstof, strtof)
EXPORT long double wcstold(const wide *restrict s, wide **restrict end) NUMBER(long double, wcstold, strtold)
ALSO(wcstoimax, wcstoll);
ALSO(wcstoumax, wcstoull);
ALSO(__isoc23_wcstol, wcstol);
ALSO(__isoc23_wcstoll, wcstoll);
ALSO(__isoc23_wcstoul, wcstoul);
ALSO(__isoc23_wcstoull, wcstoull);

/* -- fortify forms --------------------------------------------------------------------------- */

EXPORT wide *__wmemcpy_chk(wide *to, const wide *from, size_t n, size_t room) {
    if (n > room) emu_fortify_fail();
    return wmemcpy(to, from, n);
}
EXPORT wide *__wmemmove_chk(wide *to, const wide *from, size_t n, size_t room) {
    if (n > room) emu_fortify_fail();
    return wmemmove(to, from, n);
}
EXPORT wide *__wmemset_chk(wide *to, wide c, size_t n, size_t room) {
    if (n > room) emu_fortify_fail();
    return wmemset(to, c, n);
}
EXPORT wide *__wcscpy_chk(wide *to, const wide *from, size_t room) {
    if (wcslen(from) >= room) emu_fortify_fail();
    return wcscpy(to, from);
}
EXPORT wide *__wcsncpy_chk(wide *to, const wide *from, size_t n, size_t room) {
    if (n > room) emu_fortify_fail();
    return wcsncpy(to, from, n);
}
EXPORT wide *__wcscat_chk(wide *to, const wide *from, size_t room) {
    if (wcslen(to) + wcslen(from) >= room) emu_fortify_fail();
    return wcscat(to, from);
}
