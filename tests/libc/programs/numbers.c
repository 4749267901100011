/* Numbers from text and text from numbers: strtol, strtod, scanf, qsort, rand; the same on every architecture.
 * cc -w numbers.c && ./a.out < numbers.txt */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252ull;
static uint64_t bits(void) {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 2685821657736338717ull;
}

static int ascending(const void *a, const void *b) { return (*(int *)a > *(int *)b) - (*(int *)a < *(int *)b); }

int main(void) {
    static const char *integers[] = {"0", " -42abc", "0x1fz", "077", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "z", "", "+7"};
    for (int i = 0; i < 10; i++)
        for (int base = 0; base <= 36; base += 12) {
            char *end;
            errno = 0;
            long long value = strtoll(integers[i], &end, base);
            int error = errno;
            errno = 0;
            unsigned long long plain = strtoull(integers[i], NULL, base);
            printf("%lld+%d:%d %llu:%d%c", value, (int)(end - integers[i]), error, plain, errno, base == 36 ? '\n' : ' ');
        }
    static const char *reals[] = {"1", "-0.5e3x", "1e400", "1e-400", "0x1.8p1", "inf", "nan", ".", "2.2250738585072011e-308", "4.9e-324", "2.4703282292062327e-324",
        "1.7976931348623159e308", "9007199254740993", "8.5e22", "1e23", "123456789012345678901234567890e-10", "0.1e1e1", "-infinityx"};
    for (unsigned i = 0; i < sizeof reals / sizeof *reals; i++) {
        char *end;
        errno = 0;
        double d = strtod(reals[i], &end);
        int error = errno;
        errno = 0;
        float f = strtof(reals[i], NULL);
        printf("%a+%d:%d %a:%d %.3Lg\n", d, (int)(end - reals[i]), error, f, errno, d != d || isinf(d) || d < 1e-300 ? 0 : strtold(reals[i], NULL));
    }
    char text[100];
    int wrong = 0;
    for (int i = 0; i < 1000; i++) {
        union { uint64_t bits; double value; } u = {bits()};
        if (!isfinite(u.value)) continue;
        sprintf(text, "%.17g", u.value);
        wrong += strtod(text, NULL) != u.value;
        sprintf(text, "%.9g", (float)u.value);
        wrong += isfinite((float)u.value) && strtof(text, NULL) != (float)u.value;
    }
    printf("%d wrong\n", wrong);
    int a = 0, b = 0, n = 0;
    float f = 0;
    double d = 0;
    char word[20] = "", set[20] = "", *made = NULL;
    printf("%d ", sscanf("12 0x1F word [abc]x 3.5 -1e2 rest", "%d %i %19s [%[a-c]]x %f %lf%n", &a, &b, word, set, &f, &d, &n));
    printf("%d %d %s %s %g %g %d\n", a, b, word, set, f, d, n);
    printf("%d ", sscanf("allocated", "%ms", &made));
    printf("%s\n", made);
    free(made);
    printf("%d %d %d\n", sscanf("", "%d", &a), sscanf("x", "%d", &a), sscanf("1,2", "%d,%d", &a, &b));
    int64_t wide = 0;
    sscanf("-81985529216486896", "%" SCNd64, &wide);
    printf("%" PRIx64 "\n", wide);
    while (scanf("%d", &a) == 1) printf("[%d]", a);
    printf(" %s", fgets(text, sizeof text, stdin));
    char *line = NULL;
    size_t room = 0;
    for (ssize_t size; (size = getline(&line, &room, stdin)) >= 0;) printf("%d:%s", (int)size, line);
    printf("eof %d\n", feof(stdin));
    int items[1000];
    srand(7);
    for (int i = 0; i < 1000; i++) items[i] = rand() % 5000;
    qsort(items, 1000, sizeof *items, ascending);
    int key = items[500], *found = bsearch(&key, items, 1000, sizeof *items, ascending);
    for (int i = 1; i < 1000; i++) wrong += items[i - 1] > items[i];
    printf("%d %d %d %d %d\n", wrong, items[0], items[999], *found, rand());
    srand48(3);
    printf("%ld %g %ld\n", lrand48(), drand48(), (long)random());
    div_t q = div(-17, 5);
    lldiv_t lq = lldiv(1000000000007LL, -1000);
    printf("%d %d %lld %lld %d %s\n", q.quot, q.rem, lq.quot, lq.rem, abs(-3), isalpha('x') && !isdigit('x') && toupper('q') == 'Q' ? "ctype" : "");
    return 0;
}
