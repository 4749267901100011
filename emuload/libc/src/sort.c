/* stdlib.h: qsort, bsearch, and integer arithmetic.
 *
 * qsort is a stable merge sort, as programs that grew up on glibc expect; when there is no memory
 * for its second array it falls back to a heap sort in place, which is not stable. */
#include "lib.h"

typedef int (*compare_fn)(const void *, const void *, void *);

struct sorting {
    size_t size;
    compare_fn compare;
    void *context;
};

static inline void copy_item(char *to, const char *from, size_t size) {
    if (size == 4) store_32(to, load_32(from));
    else if (size == WORD) memcpy(to, from, WORD);
    else memcpy(to, from, size);
}

static void merge_sort(const struct sorting *s, char *items, size_t count, char *scratch) {
    if (count < 2) return;
    size_t left = count / 2, right = count - left, size = s->size;
    char *a = items, *b = items + left * size, *out = scratch;
    merge_sort(s, a, left, scratch);
    merge_sort(s, b, right, scratch);
    while (left && right) {
        if (s->compare(a, b, s->context) <= 0) {
            copy_item(out, a, size);
            a += size;
            left--;
        } else {
            copy_item(out, b, size);
            b += size;
            right--;
        }
        out += size;
    }
    memcpy(out, a, left * size); /* what is left of the right half is in place already */
    memcpy(items, scratch, (count - right) * size);
}

static void swap_items(char *a, char *b, size_t size) {
    for (; size; size--, a++, b++) {
        char kept = *a;
        *a = *b;
        *b = kept;
    }
}

static void sift(const struct sorting *s, char *items, size_t root, size_t count) {
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        char *c = items + child * s->size;
        if (child + 1 < count && s->compare(c, c + s->size, s->context) < 0) child++, c += s->size;
        char *r = items + root * s->size;
        if (s->compare(r, c, s->context) >= 0) return;
        swap_items(r, c, s->size);
    }
}

static void heap_sort(const struct sorting *s, char *items, size_t count) {
    for (size_t i = count / 2; i-- > 0;) sift(s, items, i, count);
    for (size_t last = count; last-- > 1;) {
        swap_items(items, items + last * s->size, s->size);
        sift(s, items, 0, last);
    }
}

EXPORT void qsort_r(void *items, size_t count, size_t size, compare_fn compare, void *context) {
    struct sorting s = {size, compare, context};
    size_t total;
    if (count < 2 || !size) return;
    if (__builtin_mul_overflow(count, size, &total)) return;
    if (total <= 1024) {
        char scratch[1024] __attribute__((aligned(16)));
        merge_sort(&s, items, count, scratch);
        return;
    }
    int kept = errno;
    char *scratch = em_malloc(total);
    errno = kept;
    if (scratch) merge_sort(&s, items, count, scratch);
    else heap_sort(&s, items, count);
    em_free(scratch);
}

static int without_context(const void *a, const void *b, void *context) {
    return ((int (*)(const void *, const void *))context)(a, b);
}

EXPORT void qsort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *)) {
    qsort_r(items, count, size, without_context, (void *)compare);
}

EXPORT void *bsearch(const void *key, const void *items, size_t count, size_t size,
                     int (*compare)(const void *, const void *)) {
    const char *low = items;
    while (count) {
        const char *middle = low + count / 2 * size;
        int order = compare(key, middle);
        if (!order) return (void *)middle;
        if (order > 0) {
            low = middle + size;
            count -= count / 2 + 1;
        } else {
            count /= 2;
        }
    }
    return NULL;
}

EXPORT void *lfind(const void *key, const void *items, size_t *count, size_t size,
                   int (*compare)(const void *, const void *)) {
    for (size_t i = 0; i < *count; i++)
        if (!compare(key, (const char *)items + i * size)) return (char *)items + i * size;
    return NULL;
}

EXPORT void *lsearch(const void *key, void *items, size_t *count, size_t size,
                     int (*compare)(const void *, const void *)) {
    void *found = lfind(key, items, count, size, compare);
    return found ? found : memcpy((char *)items + (*count)++ * size, key, size);
}

EXPORT int abs(int value) { return value < 0 ? (int)-(unsigned)value : value; }
EXPORT long labs(long value) { return value < 0 ? (long)-(unsigned long)value : value; }
EXPORT long long llabs(long long value) { return value < 0 ? (long long)-(unsigned long long)value : value; }
EXPORT intmax_t imaxabs(intmax_t value) { return llabs(value); }

typedef struct { int quot, rem; } div_t;
typedef struct { long quot, rem; } ldiv_t;
typedef struct { long long quot, rem; } lldiv_t;
EXPORT div_t div(int a, int b) { return (div_t){a / b, a % b}; }
EXPORT ldiv_t ldiv(long a, long b) { return (ldiv_t){a / b, a % b}; }
EXPORT lldiv_t lldiv(long long a, long long b) { return (lldiv_t){a / b, a % b}; }
ALSO(imaxdiv, lldiv);
