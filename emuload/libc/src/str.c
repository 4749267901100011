/* string.h and strings.h, the str* half. */
#include "lib.h"

/* -- length and search ----------------------------------------------------------------------- */

EXPORT size_t strlen(const char *s) {
    const char *p = s;
    for (; (uintptr_t)p % WORD; p++)
        if (!*p) return (size_t)(p - s);
    word marks;
    while (!(marks = zero_byte(*(const alias_word *)p))) p += WORD;
    return (size_t)(p - s) + first_marked(marks);
}

EXPORT size_t strnlen(const char *s, size_t n) {
    const char *end = memchr(s, 0, n);
    return end ? (size_t)(end - s) : n;
}
ALSO(__strnlen, strnlen);

EXPORT char *strchrnul(const char *s, int c) {
    char wanted = (char)c;
    for (; (uintptr_t)s % WORD; s++)
        if (!*s || *s == wanted) return (char *)s;
    word pattern = WORD_ONES * (unsigned char)c, w;
    while (w = *(const alias_word *)s, !(zero_byte(w) | zero_byte(w ^ pattern))) s += WORD;
    while (*s && *s != wanted) s++;
    return (char *)s;
}
ALSO(__strchrnul, strchrnul);

EXPORT char *strchr(const char *s, int c) {
    char *p = strchrnul(s, c);
    return *p == (char)c ? p : NULL;
}
EXPORT char *index(const char *s, int c) { return strchr(s, c); }

EXPORT char *strrchr(const char *s, int c) { return memrchr(s, c, strlen(s) + 1); }
EXPORT char *rindex(const char *s, int c) { return strrchr(s, c); }

/* A set of bytes, for strspn, strcspn and strpbrk. */
struct byte_set { uint32_t bits[8]; };
static inline void set_fill(struct byte_set *set, const char *members) {
    for (int i = 0; i < 8; i++) set->bits[i] = 0;
    for (; *members; members++) {
        unsigned char c = (unsigned char)*members;
        set->bits[c >> 5] |= 1u << (c & 31);
    }
}
static inline bool set_has(const struct byte_set *set, char c) {
    return set->bits[(unsigned char)c >> 5] >> ((unsigned char)c & 31) & 1;
}

EXPORT size_t strspn(const char *s, const char *accept) {
    struct byte_set set;
    size_t n = 0;
    set_fill(&set, accept);
    while (s[n] && set_has(&set, s[n])) n++;
    return n;
}

EXPORT size_t strcspn(const char *s, const char *reject) {
    struct byte_set set;
    size_t n = 0;
    if (!reject[0] || !reject[1]) return (size_t)(strchrnul(s, reject[0]) - s);
    set_fill(&set, reject);
    while (s[n] && !set_has(&set, s[n])) n++;
    return n;
}

EXPORT char *strpbrk(const char *s, const char *accept) {
    s += strcspn(s, accept);
    return *s ? (char *)s : NULL;
}

EXPORT char *strstr(const char *haystack, const char *needle) {
    size_t wanted = strlen(needle);
    if (!wanted) return (char *)haystack;
    while ((haystack = strchr(haystack, *needle))) {
        if (!strncmp(haystack, needle, wanted)) return (char *)haystack;
        haystack++;
    }
    return NULL;
}

EXPORT char *strcasestr(const char *haystack, const char *needle) {
    size_t wanted = strlen(needle);
    for (;; haystack++) {
        if (!strncasecmp(haystack, needle, wanted)) return (char *)haystack;
        if (!*haystack) return NULL;
    }
}

EXPORT char *strnstr(const char *haystack, const char *needle, size_t n) {
    return memmem(haystack, strnlen(haystack, n), needle, strlen(needle));
}

/* -- comparison ------------------------------------------------------------------------------ */

EXPORT int strcmp(const char *a, const char *b) {
    if (((uintptr_t)a ^ (uintptr_t)b) % WORD == 0) {
        for (; (uintptr_t)a % WORD; a++, b++)
            if (*a != *b || !*a) return (unsigned char)*a - (unsigned char)*b;
        for (;; a += WORD, b += WORD) {
            word w = *(const alias_word *)a;
            if (w != *(const alias_word *)b || zero_byte(w)) break;
        }
    }
    for (; *a == *b; a++, b++)
        if (!*a) return 0;
    return (unsigned char)*a - (unsigned char)*b;
}
ALSO(strcoll, strcmp);
EXPORT int strcoll_l(const char *a, const char *b, void *locale) {
    (void)locale;
    return strcmp(a, b);
}
ALSO(__strcoll_l, strcoll_l);

EXPORT int strncmp(const char *a, const char *b, size_t n) {
    for (; n; n--, a++, b++)
        if (*a != *b || !*a) return (unsigned char)*a - (unsigned char)*b;
    return 0;
}

EXPORT int strncasecmp(const char *a, const char *b, size_t n) {
    for (; n; n--, a++, b++) {
        int x = to_lower((unsigned char)*a), y = to_lower((unsigned char)*b);
        if (x != y || !x) return x - y;
    }
    return 0;
}
EXPORT int strcasecmp(const char *a, const char *b) { return strncasecmp(a, b, SIZE_MAX); }
EXPORT int strcasecmp_l(const char *a, const char *b, void *locale) {
    (void)locale;
    return strcasecmp(a, b);
}
EXPORT int strncasecmp_l(const char *a, const char *b, size_t n, void *locale) {
    (void)locale;
    return strncasecmp(a, b, n);
}
ALSO(__strcasecmp, strcasecmp);

EXPORT size_t strxfrm(char *restrict to, const char *restrict from, size_t n) {
    size_t size = strlen(from);
    memcpy(to, from, size < n ? size + 1 : n);
    return size;
}
EXPORT size_t strxfrm_l(char *restrict to, const char *restrict from, size_t n, void *locale) {
    (void)locale;
    return strxfrm(to, from, n);
}
ALSO(__strxfrm_l, strxfrm_l);

/* glibc manual, "Comparing strings": digit runs compare as numbers, and those with leading zeros as fractions. */
EXPORT int strverscmp(const char *left, const char *right) {
    const unsigned char *a = (const unsigned char *)left, *b = (const unsigned char *)right;
    size_t i = 0, start = 0;
    bool zeros = true;
    for (; a[i] == b[i]; i++) {
        if (!a[i]) return 0;
        if (!is_digit(a[i])) {
            start = i + 1;
            zeros = true;
        } else if (a[i] != '0') {
            zeros = false;
        }
    }
    if ((unsigned)a[start] - '1' < 9 && (unsigned)b[start] - '1' < 9) {
        size_t j = i;
        for (; is_digit(a[j]); j++)
            if (!is_digit(b[j])) return 1;
        if (is_digit(b[j])) return -1;
    } else if (zeros && start < i && (is_digit(a[i]) || is_digit(b[i]))) {
        int x = is_digit(a[i]) ? a[i] : 0x100, y = is_digit(b[i]) ? b[i] : 0x100;
        return x - y;
    }
    return a[i] - b[i];
}

/* -- copying --------------------------------------------------------------------------------- */

EXPORT char *stpcpy(char *restrict to, const char *restrict from) {
    size_t n = strlen(from);
    memcpy(to, from, n + 1);
    return to + n;
}
ALSO(__stpcpy, stpcpy);

EXPORT char *strcpy(char *restrict to, const char *restrict from) {
    memcpy(to, from, strlen(from) + 1);
    return to;
}

EXPORT char *stpncpy(char *restrict to, const char *restrict from, size_t n) {
    size_t copied = strnlen(from, n);
    memcpy(to, from, copied);
    memset(to + copied, 0, n - copied);
    return to + copied;
}
ALSO(__stpncpy, stpncpy);

EXPORT char *strncpy(char *restrict to, const char *restrict from, size_t n) {
    stpncpy(to, from, n);
    return to;
}

EXPORT char *strcat(char *restrict to, const char *restrict from) {
    strcpy(to + strlen(to), from);
    return to;
}

EXPORT char *strncat(char *restrict to, const char *restrict from, size_t n) {
    size_t copied = strnlen(from, n);
    char *end = mempcpy(to + strlen(to), from, copied);
    *end = 0;
    return to;
}

EXPORT size_t strlcpy(char *restrict to, const char *restrict from, size_t size) {
    size_t n = strlen(from);
    if (size) {
        size_t copied = n < size ? n : size - 1;
        memcpy(to, from, copied);
        to[copied] = 0;
    }
    return n;
}

EXPORT size_t strlcat(char *restrict to, const char *restrict from, size_t size) {
    size_t used = strnlen(to, size);
    if (used == size) return size + strlen(from);
    return used + strlcpy(to + used, from, size - used);
}

EXPORT char *strdup(const char *s) {
    size_t size = strlen(s) + 1;
    char *copy = emu_heap.malloc(size);
    return copy ? memcpy(copy, s, size) : NULL;
}
ALSO(__strdup, strdup);

EXPORT char *strndup(const char *s, size_t n) {
    size_t size = strnlen(s, n);
    char *copy = emu_heap.malloc(size + 1);
    if (!copy) return NULL;
    memcpy(copy, s, size);
    copy[size] = 0;
    return copy;
}
ALSO(__strndup, strndup);

/* -- splitting ------------------------------------------------------------------------------- */

EXPORT char *strsep(char **restrict rest, const char *restrict separators) {
    char *token = *rest;
    if (!token) return NULL;
    char *end = token + strcspn(token, separators);
    if (*end) *end++ = 0;
    else end = NULL;
    *rest = end;
    return token;
}
ALSO(__strsep, strsep);

EXPORT char *strtok_r(char *restrict s, const char *restrict separators, char **restrict rest) {
    if (!s) s = *rest;
    if (!s) return NULL;
    s += strspn(s, separators);
    if (!*s) {
        *rest = s;
        return NULL;
    }
    char *end = s + strcspn(s, separators);
    if (*end) *end++ = 0;
    *rest = end;
    return s;
}
ALSO(__strtok_r, strtok_r);

EXPORT char *strtok(char *restrict s, const char *restrict separators) {
    static char *rest;
    return strtok_r(s, separators, &rest);
}

EXPORT char *basename(const char *path) {
    char *slash = strrchr(path, '/');
    return slash ? slash + 1 : (char *)path;
}

EXPORT char *__xpg_basename(char *path) {
    if (!path || !*path) return (char *)".";
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') path[--n] = 0;
    char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

EXPORT char *dirname(char *path) {
    if (!path || !*path) return (char *)".";
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    while (n && path[n - 1] != '/') n--;
    if (!n) return (char *)".";
    while (n > 1 && path[n - 1] == '/') n--;
    path[n] = 0;
    return path;
}

/* -- strings.h ------------------------------------------------------------------------------- */

EXPORT int ffs(int value) { return value ? __builtin_ctz((unsigned)value) + 1 : 0; }
EXPORT int ffsl(long value) { return value ? __builtin_ctzl((unsigned long)value) + 1 : 0; }
EXPORT int ffsll(long long value) { return value ? __builtin_ctzll((unsigned long long)value) + 1 : 0; }

/* -- fortify forms --------------------------------------------------------------------------- */

EXPORT char *__strcpy_chk(char *to, const char *from, size_t size) {
    if (strlen(from) >= size) emu_fortify_fail();
    return strcpy(to, from);
}
EXPORT char *__stpcpy_chk(char *to, const char *from, size_t size) {
    if (strlen(from) >= size) emu_fortify_fail();
    return stpcpy(to, from);
}
EXPORT char *__strncpy_chk(char *to, const char *from, size_t n, size_t size) {
    if (n > size) emu_fortify_fail();
    return strncpy(to, from, n);
}
EXPORT char *__stpncpy_chk(char *to, const char *from, size_t n, size_t size) {
    if (n > size) emu_fortify_fail();
    return stpncpy(to, from, n);
}
EXPORT char *__strcat_chk(char *to, const char *from, size_t size) {
    if (strlen(to) + strlen(from) >= size) emu_fortify_fail();
    return strcat(to, from);
}
EXPORT char *__strncat_chk(char *to, const char *from, size_t n, size_t size) {
    if (strlen(to) + strnlen(from, n) >= size) emu_fortify_fail();
    return strncat(to, from, n);
}
EXPORT size_t __strlcpy_chk(char *to, const char *from, size_t n, size_t size) {
    if (n > size) emu_fortify_fail();
    return strlcpy(to, from, n);
}
EXPORT size_t __strlcat_chk(char *to, const char *from, size_t n, size_t size) {
    if (n > size) emu_fortify_fail();
    return strlcat(to, from, n);
}
