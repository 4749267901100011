/* The formatter of the printf family: reads a format, fetches its arguments, emits text. printf(3). */
#include "format.h"

enum length { L_INT, L_CHAR, L_SHORT, L_LONG, L_LONG_LONG, L_LONG_DOUBLE };

/* A conversion as written; counts from arguments ("*") are still open. */
struct parsed {
    struct spec spec;
    enum length length;
    int value_index, width_index, precision_index; /* 1 …: "%2$d", "*3$"; 0: the next one; -1: none */
};

enum kind { K_NONE, K_INT, K_LONG, K_LONG_LONG, K_POINTER, K_DOUBLE, K_LONG_DOUBLE };
union value {
    uint64_t integer;
    const void *pointer;
    double real;
    long double long_real;
};
struct arguments { va_list list; };

HIDDEN void emu_emit_many(struct sink *sink, char c, size_t count) {
    char text[32];
    memset(text, c, count < sizeof text ? count : sizeof text);
    for (; count > sizeof text; count -= sizeof text) emit(sink, text, sizeof text);
    emit(sink, text, count);
}

/* -- reading a conversion -------------------------------------------------------------------- */

/* A decimal number; -1 when it is too large for an int. */
static int read_number(const char **at) {
    int64_t n = 0;
    for (; is_digit(**at); ++*at)
        if (n <= INT_MAX) n = n * 10 + (**at - '0');
    return n < INT_MAX ? (int)n : -1;
}

/* "*" or "*3$": the index of the argument that holds the count. */
static int read_star(const char **at) {
    const char *p = ++*at;
    int index = read_number(&p);
    if (*p != '$' || index <= 0) return 0;
    *at = p + 1;
    return index;
}

static enum length read_length(const char **at) {
    const char *p = *at;
    enum length result = L_INT;
    switch (*p) {
    case 'h': p++, result = L_SHORT; if (*p == 'h') p++, result = L_CHAR; break;
    case 'l': p++, result = L_LONG; if (*p == 'l') p++, result = L_LONG_LONG; break;
    case 'q': p++, result = L_LONG_LONG; break;
    case 'L': p++, result = L_LONG_DOUBLE; break;
    case 'j': p++, result = L_LONG_LONG; break;
    case 'z': case 'Z': case 't': p++, result = L_LONG; break; /* the size of a pointer, as long is */
    case 'w': { /* C23: w8 … w64, wf8 … wf64 */
        bool fast = p[1] == 'f';
        const char *digits = p + 1 + fast;
        int bits = read_number(&digits);
        if (bits == 8) result = L_CHAR;
        else if (bits == 16) result = fast ? L_LONG : L_SHORT;
        else if (bits == 32) result = fast ? L_LONG : L_INT;
        else if (bits == 64) result = L_LONG_LONG;
        else return L_INT;
        p = digits;
    }
    }
    *at = p;
    return result;
}

/* Reads a conversion specification after its "%". false: a number in it is too large. */
static bool read_conversion(const char **at, struct parsed *c) {
    const char *p = *at;
    *c = (struct parsed){.spec.precision = -1, .width_index = -1, .precision_index = -1};
    if (is_digit(*p) && *p != '0') {
        const char *start = p;
        int index = read_number(&p);
        if (*p == '$') c->value_index = index, p++;
        else p = start;
    }
    for (;; p++) {
        if (*p == '-') c->spec.flags |= LEFT;
        else if (*p == '+') c->spec.flags |= PLUS;
        else if (*p == ' ') c->spec.flags |= BLANK_SIGN;
        else if (*p == '#') c->spec.flags |= ALTERNATE;
        else if (*p == '0') c->spec.flags |= ZEROS;
        else if (*p == '\'') c->spec.flags |= GROUPED;
        else if (*p != 'I') break;
    }
    if (*p == '*') c->width_index = read_star(&p);
    else if ((c->spec.width = read_number(&p)) < 0) return false;
    if (*p == '.') {
        p++;
        if (*p == '*') c->precision_index = read_star(&p);
        else if ((c->spec.precision = read_number(&p)) < 0) return false;
    }
    c->length = read_length(&p);
    c->spec.conversion = *p;
    if (*p) p++;
    if (c->spec.conversion == 'C') c->spec.conversion = 'c', c->length = L_LONG;
    if (c->spec.conversion == 'S') c->spec.conversion = 's', c->length = L_LONG;
    *at = p;
    return true;
}

/* -- arguments ------------------------------------------------------------------------------- */

static enum kind kind_of(const struct parsed *c) {
    switch (c->spec.conversion) {
    case 'd': case 'i': case 'o': case 'u': case 'x': case 'X': case 'b': case 'B':
        return c->length == L_LONG ? K_LONG : c->length >= L_LONG_LONG ? K_LONG_LONG : K_INT;
    case 'c': return K_INT;
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': case 'a': case 'A':
        return c->length >= L_LONG_LONG ? K_LONG_DOUBLE : K_DOUBLE;
    case 's': case 'p': case 'n': return K_POINTER;
    default: return K_NONE;
    }
}

static union value fetch(struct arguments *from, enum kind kind) {
    union value v = {0};
    switch (kind) {
    case K_NONE: break;
    case K_INT: v.integer = (uint64_t)(int64_t)va_arg(from->list, int); break;
    case K_LONG: v.integer = (uint64_t)(int64_t)va_arg(from->list, long); break;
    case K_LONG_LONG: v.integer = (uint64_t)va_arg(from->list, long long); break;
    case K_POINTER: v.pointer = va_arg(from->list, void *); break;
    case K_DOUBLE: v.real = va_arg(from->list, double); break;
    case K_LONG_DOUBLE: v.long_real = va_arg(from->list, long double); break;
    }
    return v;
}

/* The integer as the conversion's type has it. */
static uint64_t narrow(uint64_t value, enum length length, bool is_signed) {
    unsigned bits = length == L_CHAR ? 8 : length == L_SHORT ? 16 : length == L_INT ? 32 : length == L_LONG ? 8 * sizeof(long) : 64;
    if (bits == 64) return value;
    value <<= 64 - bits;
    return is_signed ? (uint64_t)((int64_t)value >> (64 - bits)) : value >> (64 - bits);
}

/* -- emitting -------------------------------------------------------------------------------- */

static void emit_text(struct sink *sink, const struct spec *spec, const char *text, size_t size) {
    size_t pad = (size_t)spec->width > size ? (size_t)spec->width - size : 0;
    if (!(spec->flags & LEFT)) emu_emit_many(sink, ' ', pad);
    emit(sink, text, size);
    if (spec->flags & LEFT) emu_emit_many(sink, ' ', pad);
}

static char *write_digits(char *end, uint64_t value, char conversion) {
    switch (conversion) {
    case 'x': case 'X': case 'p': {
        const char *set = conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
        for (; value; value >>= 4) *--end = set[value & 15];
        break;
    }
    case 'o':
        for (; value; value >>= 3) *--end = (char)('0' + (value & 7));
        break;
    case 'b': case 'B':
        for (; value; value >>= 1) *--end = (char)('0' + (value & 1));
        break;
    default:
        for (; value > UINT32_MAX; value /= 10) *--end = (char)('0' + value % 10);
        for (uint32_t low = (uint32_t)value; low; low /= 10) *--end = (char)('0' + low % 10);
    }
    return end;
}

static void emit_integer(struct sink *sink, const struct spec *spec, uint64_t value) {
    char text[72], *end = text + sizeof text, conversion = spec->conversion;
    const char *prefix = "";
    if (conversion == 'd' || conversion == 'i') {
        bool negative = (int64_t)value < 0;
        if (negative) value = -value;
        prefix = negative ? "-" : spec->flags & PLUS ? "+" : spec->flags & BLANK_SIGN ? " " : "";
    } else if (conversion == 'p') { /* signs are meant for signed numbers, yet glibc shows them here */
        prefix = spec->flags & PLUS ? "+0x" : spec->flags & BLANK_SIGN ? " 0x" : "0x";
    } else if (spec->flags & ALTERNATE && value && conversion != 'u' && conversion != 'o') {
        prefix = conversion == 'x' ? "0x" : conversion == 'X' ? "0X" : conversion == 'b' ? "0b" : "0B";
    }
    char *first = write_digits(end, value, conversion);
    size_t digits = (size_t)(end - first), least = spec->precision < 0 ? 1 : (size_t)spec->precision;
    if (conversion == 'o' && spec->flags & ALTERNATE && least <= digits) least = digits + (!digits || *first != '0');
    size_t zeros = least > digits ? least - digits : 0;
    size_t used = strlen(prefix) + zeros + digits, pad = (size_t)spec->width > used ? (size_t)spec->width - used : 0;
    bool left = spec->flags & LEFT;
    if (!left && spec->flags & ZEROS && spec->precision < 0) zeros += pad, pad = 0;
    if (!left) emu_emit_many(sink, ' ', pad);
    emit(sink, prefix, strlen(prefix));
    emu_emit_many(sink, '0', zeros);
    emit(sink, first, digits);
    if (left) emu_emit_many(sink, ' ', pad);
}

static void emit_pointer(struct sink *sink, const struct spec *spec, const void *pointer) {
    if (pointer) emit_integer(sink, spec, (uintptr_t)pointer);
    else emit_text(sink, spec, "(nil)", 5);
}

static size_t encode(const struct sink *sink, char *bytes, wide c) {
    multibyte_state state = {0};
    return sink->utf8 ? emu_encode_utf8(bytes, (uint32_t)c) : wcrtomb(bytes, c, &state);
}

/* A wide string as multibyte text of at most `limit` bytes, whole characters only. false: EILSEQ. */
static bool emit_wide(struct sink *sink, const struct spec *spec, const wide *text, size_t limit) {
    char bytes[8];
    size_t size = 0, count = 0;
    for (; size < limit && text[count]; count++) {
        size_t n = encode(sink, bytes, text[count]);
        if (n == (size_t)-1) return false;
        if (n > limit - size) break;
        size += n;
    }
    size_t pad = (size_t)spec->width > size ? (size_t)spec->width - size : 0;
    if (!(spec->flags & LEFT)) emu_emit_many(sink, ' ', pad);
    for (size_t i = 0; i < count; i++) emit(sink, bytes, encode(sink, bytes, text[i]));
    if (spec->flags & LEFT) emu_emit_many(sink, ' ', pad);
    return true;
}

static bool emit_string(struct sink *sink, const struct parsed *c, const void *text) {
    const struct spec *spec = &c->spec;
    size_t limit = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;
    if (!text) {
        emit_text(sink, spec, "(null)", limit >= 6 ? 6 : 0);
        return true;
    }
    if (c->length == L_LONG) return emit_wide(sink, spec, text, limit);
    size_t size = spec->precision < 0 ? strlen(text) : strnlen(text, limit);
    if (sink->utf8 && !emu_locale_utf8())
        for (size_t i = 0; i < size; i++)
            if (((const unsigned char *)text)[i] >= 128) {
                errno = EILSEQ;
                return false;
            }
    emit_text(sink, spec, text, size);
    return true;
}

static bool emit_character(struct sink *sink, const struct parsed *c, uint64_t value) {
    if (c->length == L_LONG) {
        char bytes[8];
        size_t n = encode(sink, bytes, (wide)value);
        if (n == (size_t)-1) return false;
        emit_text(sink, &c->spec, bytes, n);
    } else {
        char byte = (char)value;
        emit_text(sink, &c->spec, &byte, 1);
    }
    return true;
}

static void store_count(void *to, enum length length, size_t count) {
    switch (length) {
    case L_CHAR: *(signed char *)to = (signed char)count; break;
    case L_SHORT: *(short *)to = (short)count; break;
    case L_LONG: *(long *)to = (long)count; break;
    case L_LONG_LONG: case L_LONG_DOUBLE: *(long long *)to = (long long)count; break;
    default: *(int *)to = (int)count;
    }
}

/* One conversion, its counts known. false: stop, errno is set. */
static bool convert(struct sink *sink, const struct parsed *c, union value value, int error) {
    const struct spec *spec = &c->spec;
    struct real real;
    switch (spec->conversion) {
    case 'd': case 'i': emit_integer(sink, spec, narrow(value.integer, c->length, true)); break;
    case 'o': case 'u': case 'x': case 'X': case 'b': case 'B':
        emit_integer(sink, spec, narrow(value.integer, c->length, false));
        break;
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': case 'a': case 'A':
        if (c->length >= L_LONG_LONG) emu_take_apart(&real, value.long_real);
        else emu_take_apart_double(&real, value.real);
        emu_format_real(sink, spec, &real);
        break;
    case 'c': return emit_character(sink, c, value.integer);
    case 's': return emit_string(sink, c, value.pointer);
    case 'p': emit_pointer(sink, spec, value.pointer); break;
    case 'm': {
        struct parsed as = *c;
        as.length = L_INT;
        char unknown[32];
        const char *text = emu_error_text(error);
        if (!text) {
            strcpy(unknown, "Unknown error ");
            char digits[12], *first = write_digits(digits + 11, error < 0 ? -(uint64_t)error : (uint64_t)error, 'd');
            digits[11] = 0;
            if (error < 0) *--first = '-';
            strcpy(unknown + 14, first);
            text = unknown;
        }
        emit_string(sink, &as, text);
        break;
    }
    case 'n': store_count((void *)value.pointer, c->length, sink->total); break;
    }
    return true;
}

static void apply_counts(struct parsed *c, int width, int precision) {
    if (c->width_index >= 0) {
        if (width < 0) c->spec.flags |= LEFT;
        c->spec.width = width < 0 ? (width == INT_MIN ? INT_MAX : -width) : width;
    }
    if (c->precision_index >= 0) c->spec.precision = precision < 0 ? -1 : precision;
}

/* -- "%2$s": the types of all arguments are needed before the first is fetched ---------------- */

enum { MOST_ARGUMENTS = 4096 };

static void note_kind(uint8_t *kinds, int *count, int index, enum kind kind) {
    if (index <= 0 || index > MOST_ARGUMENTS) return;
    if (index > *count) *count = index;
    if (kinds) kinds[index - 1] = (uint8_t)kind;
}

/* Finds how many arguments the format names, and notes their kinds where asked. false: a number is too large. */
static bool survey(const char *format, uint8_t *kinds, int *count) {
    struct parsed c;
    while ((format = strchr(format, '%'))) {
        format++;
        if (!read_conversion(&format, &c)) return false;
        note_kind(kinds, count, c.width_index, K_INT);
        note_kind(kinds, count, c.precision_index, K_INT);
        if (kind_of(&c) != K_NONE) note_kind(kinds, count, c.value_index, kind_of(&c));
    }
    return true;
}

static int overflow(void) {
    errno = EOVERFLOW;
    return -1;
}

static int run(struct sink *sink, const char *format, struct arguments *arguments, const union value *fixed, int count, int error) {
    struct parsed c;
    for (;;) {
        const char *percent = strchrnul(format, '%');
        emit(sink, format, (size_t)(percent - format));
        if (!*percent) break;
        format = percent + 1;
        if (*format == '%') {
            emit(sink, format++, 1);
            continue;
        }
        if (!read_conversion(&format, &c)) return overflow();
        if (c.spec.conversion == '%') {
            emit(sink, "%", 1);
            continue;
        }
        enum kind kind = kind_of(&c);
        int width = 0, precision = 0;
        union value value = {0};
        if (fixed) {
            if (c.width_index > 0 && c.width_index <= count) width = (int)fixed[c.width_index - 1].integer;
            if (c.precision_index > 0 && c.precision_index <= count) precision = (int)fixed[c.precision_index - 1].integer;
            if (c.value_index > 0 && c.value_index <= count) value = fixed[c.value_index - 1];
        } else {
            if (c.width_index >= 0) width = (int)fetch(arguments, K_INT).integer;
            if (c.precision_index >= 0) precision = (int)fetch(arguments, K_INT).integer;
            value = fetch(arguments, kind);
        }
        apply_counts(&c, width, precision);
        if (kind == K_NONE && c.spec.conversion != 'm') {
            if (!c.spec.conversion) { /* the format ends in the middle of a conversion */
                errno = EINVAL;
                return -1;
            }
            emit(sink, percent, (size_t)(format - percent));
            continue;
        }
        if (!convert(sink, &c, value, error)) return -1;
        if (sink->total > INT_MAX) return overflow();
    }
    return sink->total > INT_MAX ? overflow() : 0;
}

static int run_positional(struct sink *sink, const char *format, struct arguments *arguments, int count, int error) {
    uint8_t kinds[count];
    union value values[count];
    for (int i = 0; i < count; i++) kinds[i] = K_INT;
    survey(format, kinds, &count);
    for (int i = 0; i < count; i++) values[i] = fetch(arguments, kinds[i]);
    return run(sink, format, NULL, values, count, error);
}

HIDDEN int emu_format(struct sink *sink, const char *format, va_list list) {
    struct arguments arguments;
    int error = errno, count = 0, result;
    va_copy(arguments.list, list);
    if (strchr(format, '$') && !survey(format, NULL, &count)) result = overflow();
    else if (count) result = run_positional(sink, format, &arguments, count, error);
    else result = run(sink, format, &arguments, NULL, 0, error);
    va_end(arguments.list);
    return result;
}
