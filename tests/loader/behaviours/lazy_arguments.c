// The first call through a lazy slot passes on every argument and result register.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so
struct pair { double a; long b; };
struct many { long a[5]; };
double sum(int a, double b, long c, float d, long long e, double f, int g, double h, int i, double j, int k, double l, double m, double n) {
    return a + b * 2 + c * 3 + d * 4 + e * 5 + f * 6 + g * 7 + h * 8 + i * 9 + j * 10 + k * 11 + l * 12 + m * 13 + n * 14;
}
struct pair both(double a, long b) { return (struct pair){a * 2, b * 3}; }
struct many lots(long a) { return (struct many){{a, a + 1, a + 2, a + 3, a + 4}}; }
long double extended(long double x) { return x / 3; }
int variadic(const char *format, ...) {
    __builtin_va_list list;
    __builtin_va_start(list, format);
    double total = 0;
    for (; *format; format++) total += *format == 'i' ? __builtin_va_arg(list, int) : __builtin_va_arg(list, double);
    __builtin_va_end(list);
    return (int)total;
}
//= main needs=libx.so -Wl,-z,lazy
struct pair { double a; long b; };
struct many { long a[5]; };
double sum(int a, double b, long c, float d, long long e, double f, int g, double h, int i, double j, int k, double l, double m, double n);
struct pair both(double a, long b);
struct many lots(long a);
long double extended(long double x);
int variadic(const char *format, ...);
int main(void) {
    SAY("%g\n", sum(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14));
    struct pair p = both(1.5, 7);
    struct many m = lots(4);
    SAY("%g %ld %ld %ld\n", p.a, p.b, m.a[0], m.a[4]);
    SAY("%d\n", (int)(extended(1) * 3e6L));
    SAY("%d\n", variadic("idid", 1, 2.5, 3, 4.5));
}
