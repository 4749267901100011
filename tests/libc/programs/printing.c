/* The printf family and what it writes through; the same text on every architecture.
 * cc -w printing.c && FOO=bar ./a.out */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

static uint64_t state = 88172645463325252ull;
static uint64_t bits(void) {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 2685821657736338717ull;
}

static int through(char *to, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsprintf(to, format, arguments);
    va_end(arguments);
    return n;
}

int main(void) {
    dup2(1, 2); /* one stream, so that the order shows */
    char text[2000];
    printf("%d %i %5d|%-5d|%05d|%+d|% d|%.3d|%x %X %#x %o %#o %u %c %s %%\n", 1, -2, 3, 4, 5, 6, 7, 8, 255, 255, 255, 8, 8, 4000000000u, 'c', "string");
    printf("%hhd %hd %ld %lld %jd %zd %td %hhu %llx\n", 300, 70000, -5L, 1LL << 62, (intmax_t)-9, (size_t)11, (ptrdiff_t)-12, 511, 0xfedcba9876543210ull);
    printf("%s|%10s|%-10s|%.2s|%*s|%-*s|%.*s|\n", "abc", "abc", "abc", "abc", 6, "abc", 6, "abc", 1, "abc");
    printf("%2$s %1$s %2$*3$s\n", "first", "second", 9);
    printf("%p %p %5p|\n", (void *)0, (void *)0x1234, (void *)0xab);
    printf("%e %f %g %a %E %G %A\n", 1.5, 1.5, 1.5, 1.5, 1e-300, 1e300, -0.1);
    printf("%f %F %e %g %5.1f|%-9.2e|%+.0f|%#.0f|%010.3f\n", INFINITY, -INFINITY, NAN, 0.0, 2.25, 12345.678, 0.5, 3.0, -3.14159);
    printf("%.0f %.0f %.0f %.0f %.1f %.1f %.20f %.30g %.3g %.10g\n", 0.5, 1.5, 2.5, 3.5, 0.25, 0.35, 0.1, 1e22, 123456.0, 1e10);
    printf("%.400f\n%.100e\n", 1e-300, 1e300);
    printf("%Lf %Le %Lg %.15Lf\n", 1.5L, -2.25L, 1e100L, 0.125L);
    errno = ENOENT;
    printf("%m|%30m|%ls|%lc|%n", L"wide", L'w', &errno);
    printf("%d\n", errno);
    unsigned sum = 0;
    for (int i = 0; i < 300; i++) {
        union { uint64_t bits; double value; } u = {bits()};
        static const char *formats[] = {"%.17g", "%.3f", "%e", "%a", "%.30e", "%20.5g|", "%.0f", "%g"};
        int n = snprintf(text, sizeof text, formats[i % 8], u.value);
        for (int k = 0; k < n; k++) sum = sum * 31 + (unsigned char)text[k];
        if (i % 29 == 0) printf("%d %s\n", n, text);
    }
    printf("%08x\n", sum);
    for (int size = 0; size < 8; size++) {
        memset(text, '#', sizeof text), text[12] = 0;
        int n = snprintf(size ? text : NULL, size, "%d-%s", 42, "xyz");
        printf("%d %s|", n, size ? text : "-");
    }
    char *made = NULL;
    printf("\n%d %d ", through(text, "%s %d", "through", 5), asprintf(&made, "%*d", 300, 7));
    printf("%s %zu\n", text, strlen(made));
    free(made);
    printf("%s %s\n", strerror(EINVAL), strerror(12345));
    fflush(stdout);
    dprintf(1, "dprintf %s\n", "writes at once");
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("by lines\nand a rest, ");
    write(1, "(before the rest)\n", 18);
    printf("here\n");
    putchar('p'), putc('u', stdout), fputc('t', stdout), puts(" and puts"), fputs("fputs\n", stdout);
    fprintf(stderr, "to stderr %d\n", 1);
    perror("perror");
    printf("last, without a newline");
    return 0;
}
