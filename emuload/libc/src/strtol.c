/* stdlib.h and inttypes.h: integers from text (C11 7.22.1.4), and the names glibc gives them. */
#include "lib.h"

/* The value modulo 2^64 of the longest number at s; limits are the largest magnitudes allowed on each side of zero,
 * and past them ERANGE and the limit with its sign (or, unsigned, the largest value) is the result. */
HIDDEN uint64_t emu_parse_integer(const char *s, char **end, int base, uint64_t negative_limit,
                                  uint64_t positive_limit, bool binary_prefix) {
    const char *at = s;
    bool negative = false, any = false, overflow = false;
    if (base < 0 || base == 1 || base > 36) {
        errno = EINVAL;
        return 0;
    }
    while (is_space((unsigned char)*at)) at++;
    if (*at == '-' || *at == '+') negative = *at++ == '-';
    if (*at == '0') {
        if ((base == 0 || base == 16) && (at[1] | 32) == 'x' && digit_value((unsigned char)at[2]) < 16) at += 2, base = 16;
        else if (binary_prefix && (base == 0 || base == 2) && (at[1] | 32) == 'b' && (at[2] == '0' || at[2] == '1')) at += 2, base = 2;
        else if (base == 0) base = 8;
    }
    if (base == 0) base = 10;
    uint64_t value = 0;
    for (unsigned digit; (digit = digit_value((unsigned char)*at)) < (unsigned)base; at++) {
        any = true;
        if (value >> 56 && (__builtin_mul_overflow(value, (uint64_t)base, &value) || __builtin_add_overflow(value, digit, &value))) overflow = true;
        else if (!(value >> 56)) value = value * (unsigned)base + digit;
    }
    if (end) *end = (char *)(any ? at : s);
    uint64_t limit = negative ? negative_limit : positive_limit;
    if (overflow || value > limit) {
        errno = ERANGE;
        return negative && negative_limit != positive_limit ? -limit : limit;
    }
    return negative ? -value : value;
}

/* The unsigned functions negate modulo their type: both limits are the largest value. */
#define SIGNED(name, type, most, binary) \
    EXPORT type name(const char *restrict s, char **restrict end, int base) { \
        return (type)emu_parse_integer(s, end, base, (uint64_t)(most) + 1, most, binary); \
    }
#define UNSIGNED(name, type, most, binary) \
    EXPORT type name(const char *restrict s, char **restrict end, int base) { \
        return (type)emu_parse_integer(s, end, base, most, most, binary); \
    }

SIGNED(strtol, long, LONG_MAX, false)
SIGNED(strtoll, long long, LLONG_MAX, false)
UNSIGNED(strtoul, unsigned long, ULONG_MAX, false)
UNSIGNED(strtoull, unsigned long long, ULLONG_MAX, false)
SIGNED(__isoc23_strtol, long, LONG_MAX, true)
SIGNED(__isoc23_strtoll, long long, LLONG_MAX, true)
UNSIGNED(__isoc23_strtoul, unsigned long, ULONG_MAX, true)
UNSIGNED(__isoc23_strtoull, unsigned long long, ULLONG_MAX, true)
ALSO(strtoimax, strtoll);
ALSO(strtoumax, strtoull);
ALSO(strtoq, strtoll);
ALSO(strtouq, strtoull);
ALSO(__isoc23_strtoimax, __isoc23_strtoll);
ALSO(__isoc23_strtoumax, __isoc23_strtoull);

#define WITH_LOCALE(name, original, type) \
    EXPORT type name(const char *restrict s, char **restrict end, int base, void *locale) { return original(s, end, base); }
WITH_LOCALE(strtol_l, strtol, long)
WITH_LOCALE(strtoll_l, strtoll, long long)
WITH_LOCALE(strtoul_l, strtoul, unsigned long)
WITH_LOCALE(strtoull_l, strtoull, unsigned long long)
ALSO(__strtol_l, strtol_l);
ALSO(__strtoll_l, strtoll_l);
ALSO(__strtoul_l, strtoul_l);
ALSO(__strtoull_l, strtoull_l);
WITH_LOCALE(__isoc23_strtol_l, __isoc23_strtol, long)
WITH_LOCALE(__isoc23_strtoll_l, __isoc23_strtoll, long long)
WITH_LOCALE(__isoc23_strtoul_l, __isoc23_strtoul, unsigned long)
WITH_LOCALE(__isoc23_strtoull_l, __isoc23_strtoull, unsigned long long)

/* Old fortify and inline forms, whose last argument asks for digit grouping. */
EXPORT long __strtol_internal(const char *s, char **end, int base, int group) { return strtol(s, end, base); }
EXPORT unsigned long __strtoul_internal(const char *s, char **end, int base, int group) { return strtoul(s, end, base); }

EXPORT int atoi(const char *s) { return (int)strtol(s, NULL, 10); }
EXPORT long atol(const char *s) { return strtol(s, NULL, 10); }
EXPORT long long atoll(const char *s) { return strtoll(s, NULL, 10); }

/* 6 bits a character, POSIX a64l. */
static const char digits64[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
EXPORT long a64l(const char *s) {
    uint32_t value = 0;
    for (int i = 0; i < 6 && s[i]; i++) {
        const char *digit = strchr(digits64, s[i]);
        if (!digit) break;
        value |= (uint32_t)(digit - digits64) << 6 * i;
    }
    return (int32_t)value;
}
EXPORT char *l64a(long number) {
    static char text[7];
    uint32_t value = (uint32_t)number;
    int i = 0;
    for (; value; value >>= 6) text[i++] = digits64[value & 63];
    text[i] = 0;
    return text;
}
EXPORT int getsubopt(char **restrict option, char *const *restrict tokens, char **restrict value) {
    char *start = *option, *end = strchrnul(start, ',');
    if (!*start) return -1;
    size_t length = (size_t)(end - start);
    *option = *end ? end + 1 : end;
    *end = 0;
    char *equals = memchr(start, '=', length);
    size_t name = equals ? (size_t)(equals - start) : length;
    for (int i = 0; tokens[i]; i++)
        if (!strncmp(tokens[i], start, name) && !tokens[i][name]) {
            *value = equals ? equals + 1 : NULL;
            return i;
        }
    *value = start;
    return -1;
}
EXPORT int rpmatch(const char *answer) { return (*answer | 32) == 'y' ? 1 : (*answer | 32) == 'n' ? 0 : -1; }
