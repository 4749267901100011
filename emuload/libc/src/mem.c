/* string.h, the mem* half: copying, filling, comparing and searching bytes by words.
 *
 * An emulator's costs decide the shape: loads may have any alignment, but a store that is not aligned to its size
 * takes ten times as long as one that is, and distant places should not alternate too often. So the
 * destination is aligned first, and a large step is loaded before it is stored; that also makes one routine serve memcpy
 * and the forward direction of memmove. Where words must be aligned (before ARMv7), a source that is not aligned
 * like its destination is put together from two aligned words by shifts. */
#include "lib.h"

#if defined(__SSE2__) || defined(__aarch64__)
typedef unsigned char unit __attribute__((vector_size(16), aligned(1), may_alias));
#elif UNALIGNED_WORDS
typedef struct loose_word unit;
#else
typedef alias_word unit;
#endif
enum { STEP = 8 * sizeof(unit) };

static inline void copy_step(void *to, const void *from) {
    const unit *s = from;
    unit *d = to;
    unit a = s[0], b = s[1], c = s[2], e = s[3], f = s[4], g = s[5], h = s[6], i = s[7];
    d[0] = a;
    d[1] = b;
    d[2] = c;
    d[3] = e;
    d[4] = f;
    d[5] = g;
    d[6] = h;
    d[7] = i;
}

#if UNALIGNED_WORDS

#define COPY_8(d, s) (*(alias_word *)(d) = load_word(s))
#define COPY_4(d, s) (*(uint32_t *)(d) = load_32(s))
#define COPY_2(d, s) (*(uint16_t *)(d) = load_16(s))

static inline void copy_forward(unsigned char *d, const unsigned char *s, size_t n) {
    if ((uintptr_t)d & 1 && n) *d++ = *s++, n--;
    if ((uintptr_t)d & 2 && n >= 2) COPY_2(d, s), d += 2, s += 2, n -= 2;
    if (WORD == 8 && (uintptr_t)d & 4 && n >= 4) COPY_4(d, s), d += 4, s += 4, n -= 4;
    for (; n >= STEP; n -= STEP, s += STEP, d += STEP) copy_step(d, s);
    for (; n >= WORD; n -= WORD, s += WORD, d += WORD) COPY_8(d, s);
    if (WORD == 8 && n & 4) COPY_4(d, s), d += 4, s += 4;
    if (n & 2) COPY_2(d, s), d += 2, s += 2;
    if (n & 1) *d = *s;
}

static inline void copy_backward(unsigned char *d, const unsigned char *s, size_t n) {
    d += n;
    s += n;
    if ((uintptr_t)d & 1 && n) *--d = *--s, n--;
    if ((uintptr_t)d & 2 && n >= 2) d -= 2, s -= 2, n -= 2, COPY_2(d, s);
    if (WORD == 8 && (uintptr_t)d & 4 && n >= 4) d -= 4, s -= 4, n -= 4, COPY_4(d, s);
    for (; n >= STEP; n -= STEP) d -= STEP, s -= STEP, copy_step(d, s);
    for (; n >= WORD; n -= WORD) d -= WORD, s -= WORD, COPY_8(d, s);
    if (WORD == 8 && n & 4) d -= 4, s -= 4, COPY_4(d, s);
    if (n & 2) d -= 2, s -= 2, COPY_2(d, s);
    if (n & 1) *--d = *--s;
}

#else

static inline void copy_forward(unsigned char *d, const unsigned char *s, size_t n) {
    for (; n && (uintptr_t)d % WORD; n--) *d++ = *s++;
    unsigned skew = (uintptr_t)s % WORD;
    if (!skew) {
        for (; n >= STEP; n -= STEP, s += STEP, d += STEP) copy_step(d, s);
        for (; n >= WORD; n -= WORD, s += WORD, d += WORD) *(alias_word *)d = *(const alias_word *)s;
    } else if (n >= 2 * WORD) {
        /* Never reads past the word that holds the last byte wanted. */
        const alias_word *from = (const alias_word *)(s - skew);
        unsigned down = skew * 8, up = WORD * 8 - down;
        word low = *from++;
        for (; n >= 2 * WORD; n -= WORD, s += WORD, d += WORD) {
            word high = *from++;
            *(alias_word *)d = low >> down | high << up;
            low = high;
        }
    }
    for (; n; n--) *d++ = *s++;
}

static inline void copy_backward(unsigned char *d, const unsigned char *s, size_t n) {
    if (((uintptr_t)d ^ (uintptr_t)s) % WORD == 0) {
        for (; n && (uintptr_t)(d + n) % WORD; n--) d[n - 1] = s[n - 1];
        for (; n >= WORD; n -= WORD) *(alias_word *)(d + n - WORD) = *(const alias_word *)(s + n - WORD);
    }
    for (; n; n--) d[n - 1] = s[n - 1];
}

#endif

EXPORT void *memcpy(void *restrict to, const void *restrict from, size_t n) {
    copy_forward(to, from, n);
    return to;
}

EXPORT void *memmove(void *to, const void *from, size_t n) {
    if ((uintptr_t)to - (uintptr_t)from >= n) copy_forward(to, from, n);
    else copy_backward(to, from, n);
    return to;
}

EXPORT void *mempcpy(void *restrict to, const void *restrict from, size_t n) {
    copy_forward(to, from, n);
    return (char *)to + n;
}
ALSO(__mempcpy, mempcpy);

EXPORT void *memset(void *to, int c, size_t n) {
    unsigned char *d = to;
    word fill = WORD_ONES * (unsigned char)c;
    if ((uintptr_t)d & 1 && n) *d++ = (unsigned char)c, n--;
    if ((uintptr_t)d & 2 && n >= 2) *(uint16_t *)d = (uint16_t)fill, d += 2, n -= 2;
    if (WORD == 8 && (uintptr_t)d & 4 && n >= 4) *(uint32_t *)d = (uint32_t)fill, d += 4, n -= 4;
    for (; n >= 8 * WORD; n -= 8 * WORD, d += 8 * WORD) {
        alias_word *w = (alias_word *)d;
        w[0] = w[1] = w[2] = w[3] = w[4] = w[5] = w[6] = w[7] = fill;
    }
    for (; n >= WORD; n -= WORD, d += WORD) *(alias_word *)d = fill;
    if (WORD == 8 && n & 4) *(uint32_t *)d = (uint32_t)fill, d += 4;
    if (n & 2) *(uint16_t *)d = (uint16_t)fill, d += 2;
    if (n & 1) *d = (unsigned char)c;
    return to;
}

static inline int compare_bytes(const unsigned char *a, const unsigned char *b, size_t n) {
    for (; n; n--, a++, b++)
        if (*a != *b) return *a - *b;
    return 0;
}

EXPORT int memcmp(const void *left, const void *right, size_t n) {
    const unsigned char *a = left, *b = right;
    if (UNALIGNED_WORDS || ((uintptr_t)a | (uintptr_t)b) % WORD == 0)
        for (; n >= WORD; n -= WORD, a += WORD, b += WORD) {
            word difference = load_word(a) ^ load_word(b);
            if (difference) {
                unsigned i = first_marked(difference);
                return a[i] - b[i];
            }
        }
    return compare_bytes(a, b, n);
}
ALSO(bcmp, memcmp);
ALSO(__memcmpeq, memcmp);

EXPORT void *memchr(const void *s, int c, size_t n) {
    const unsigned char *p = s;
    unsigned char wanted = (unsigned char)c;
    for (; n && (uintptr_t)p % WORD; n--, p++)
        if (*p == wanted) return (void *)p;
    word pattern = WORD_ONES * wanted;
    for (; n >= WORD; n -= WORD, p += WORD) {
        word marks = zero_byte(*(const alias_word *)p ^ pattern);
        if (marks) return (void *)(p + first_marked(marks));
    }
    for (; n; n--, p++)
        if (*p == wanted) return (void *)p;
    return NULL;
}

EXPORT void *memrchr(const void *s, int c, size_t n) {
    const unsigned char *p = s;
    while (n--)
        if (p[n] == (unsigned char)c) return (void *)(p + n);
    return NULL;
}
ALSO(__memrchr, memrchr);

EXPORT void *rawmemchr(const void *s, int c) {
    const unsigned char *p = s;
    while (*p != (unsigned char)c) p++;
    return (void *)p;
}
ALSO(__rawmemchr, rawmemchr);

EXPORT void *memccpy(void *restrict to, const void *restrict from, int c, size_t n) {
    unsigned char *d = to;
    const unsigned char *s = from;
    while (n--)
        if ((*d++ = *s++) == (unsigned char)c) return d;
    return NULL;
}

EXPORT void *memmem(const void *haystack, size_t size, const void *needle, size_t wanted) {
    const unsigned char *h = haystack, *n = needle;
    if (!wanted) return (void *)h;
    while (size >= wanted) {
        const unsigned char *hit = memchr(h, *n, size - wanted + 1);
        if (!hit) return NULL;
        if (!memcmp(hit, n, wanted)) return (void *)hit;
        size -= (size_t)(hit + 1 - h);
        h = hit + 1;
    }
    return NULL;
}

EXPORT void *memfrob(void *s, size_t n) {
    unsigned char *p = s;
    for (size_t i = 0; i < n; i++) p[i] ^= 42;
    return s;
}

EXPORT void bzero(void *s, size_t n) { memset(s, 0, n); }
EXPORT void explicit_bzero(void *s, size_t n) {
    memset(s, 0, n);
    __asm__ volatile("" : : "r"(s) : "memory");
}
EXPORT void bcopy(const void *from, void *to, size_t n) { memmove(to, from, n); }

EXPORT void swab(const void *restrict from, void *restrict to, ssize_t n) {
    const unsigned char *s = from;
    unsigned char *d = to;
    for (; n > 1; n -= 2, s += 2, d += 2) {
        unsigned char first = s[0];
        d[0] = s[1];
        d[1] = first;
    }
}

/* -- fortify forms: size is what the compiler knows of the destination ----------------------- */

EXPORT void *__memcpy_chk(void *to, const void *from, size_t n, size_t size) {
    if (n > size) emu_fortify_fail();
    return memcpy(to, from, n);
}
EXPORT void *__memmove_chk(void *to, const void *from, size_t n, size_t size) {
    if (n > size) emu_fortify_fail();
    return memmove(to, from, n);
}
EXPORT void *__mempcpy_chk(void *to, const void *from, size_t n, size_t size) {
    if (n > size) emu_fortify_fail();
    return mempcpy(to, from, n);
}
EXPORT void *__memset_chk(void *to, int c, size_t n, size_t size) {
    if (n > size) emu_fortify_fail();
    return memset(to, c, n);
}
EXPORT void __explicit_bzero_chk(void *to, size_t n, size_t size) {
    if (n > size) emu_fortify_fail();
    explicit_bzero(to, n);
}

/* The run-time ABI for the ARM architecture, section 4.3.4: memory helpers compilers may call. */
#ifdef __arm__
ALSO(__aeabi_memcpy, memcpy);
ALSO(__aeabi_memcpy4, memcpy);
ALSO(__aeabi_memcpy8, memcpy);
ALSO(__aeabi_memmove, memmove);
ALSO(__aeabi_memmove4, memmove);
ALSO(__aeabi_memmove8, memmove);
EXPORT void __aeabi_memset(void *to, size_t n, int c) { memset(to, c, n); }
ALSO(__aeabi_memset4, __aeabi_memset);
ALSO(__aeabi_memset8, __aeabi_memset);
EXPORT void __aeabi_memclr(void *to, size_t n) { memset(to, 0, n); }
ALSO(__aeabi_memclr4, __aeabi_memclr);
ALSO(__aeabi_memclr8, __aeabi_memclr);
#endif
