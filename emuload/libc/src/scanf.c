/* stdio.h: the scanf family. scanf(3), C11 7.21.6.2.
 *
 * As in glibc, a floating-point item is every character that could continue a number, and its longest prefix
 * that is a number counts ("1e+" is 1); C wants a matching failure there. */
#include "file.h"

double strtod(const char *restrict s, char **restrict end);
float strtof(const char *restrict s, char **restrict end);
long double strtold(const char *restrict s, char **restrict end);

enum length { L_INT, L_CHAR, L_SHORT, L_LONG, L_LONG_LONG, L_LONG_DOUBLE };

struct scan {
    FILE *file;
    size_t count;      /* characters read so far */
    int left;          /* characters this item may still take */
    bool binary;       /* C23: 0b101 */
    va_list next;
    va_list all;       /* for "%2$d" */
    bool store;
    bool allocate;
    enum length length;
    int argument;      /* of "%2$d", else 0 */
    /* An item's text, in `small` until it outgrows that. */
    char *text;
    size_t used, room;
    char small[128];
};

enum result { GOOD, NO_MATCH, NO_INPUT };

/* -- characters ------------------------------------------------------------------------------ */

static int next_char(struct scan *s) {
    int c = get_byte(s->file);
    if (c >= 0) s->count++;
    return c;
}
static void put_back(struct scan *s, int c) {
    if (c < 0) return;
    emu_file_unget(s->file, c);
    s->count--;
}
/* The item's next character, or EOF when its width is used up. */
static int item_char(struct scan *s) {
    if (!s->left) return STREAM_EOF;
    int c = next_char(s);
    if (c >= 0) s->left--;
    return c;
}
static void item_back(struct scan *s, int c) {
    if (c < 0) return;
    put_back(s, c);
    s->left++;
}
static int skip_space(struct scan *s) {
    int c;
    while (is_space(c = next_char(s))) {}
    put_back(s, c);
    return c;
}

static bool keep(struct scan *s, int c) {
    if (s->used + 1 >= s->room) {
        size_t room = s->room * 2;
        char *grown = s->text == s->small ? em_malloc(room) : em_realloc(s->text, room);
        if (!grown) return false;
        if (s->text == s->small) memcpy(grown, s->small, s->used);
        s->text = grown;
        s->room = room;
    }
    s->text[s->used++] = (char)c;
    s->text[s->used] = 0;
    return true;
}
static void start_item(struct scan *s) {
    if (s->text != s->small) em_free(s->text);
    s->text = s->small;
    s->room = sizeof s->small;
    s->used = 0;
    s->small[0] = 0;
}

/* -- where results go ------------------------------------------------------------------------ */

static void *target(struct scan *s) {
    if (!s->store) return NULL;
    if (!s->argument) return va_arg(s->next, void *);
    va_list from_start;
    void *result = NULL;
    va_copy(from_start, s->all);
    for (int i = 0; i < s->argument; i++) result = va_arg(from_start, void *);
    va_end(from_start);
    return result;
}

static void store_integer(void *to, enum length length, uint64_t value) {
    if (!to) return;
    switch (length) {
    case L_CHAR: *(uint8_t *)to = (uint8_t)value; break;
    case L_SHORT: *(uint16_t *)to = (uint16_t)value; break;
    case L_LONG: *(unsigned long *)to = (unsigned long)value; break;
    case L_LONG_LONG: case L_LONG_DOUBLE: *(uint64_t *)to = value; break;
    default: *(uint32_t *)to = (uint32_t)value;
    }
}

/* -- numbers --------------------------------------------------------------------------------- */

static enum result scan_pointer_nil(struct scan *s, int c) {
    static const char rest[] = "nil)";
    for (int i = 0; i < 4; i++) {
        c = item_char(s);
        if (c < 0 || to_lower(c) != rest[i]) {
            item_back(s, c);
            return NO_MATCH;
        }
    }
    store_integer(target(s), L_LONG, 0);
    return GOOD;
}

static enum result scan_integer(struct scan *s, int base, bool is_signed, bool pointer) {
    int c = item_char(s);
    if (c < 0) return NO_INPUT;
    if (c == '-' || c == '+') {
        keep(s, c);
        c = item_char(s);
    }
    if (c == '0') {
        keep(s, c);
        c = item_char(s);
        if ((base == 0 || base == 16) && (c | 32) == 'x') {
            base = 16;
            c = item_char(s);
        } else if (s->binary && (base == 0 || base == 2) && (c | 32) == 'b') {
            base = 2;
            c = item_char(s);
        } else if (base == 0) {
            base = 8;
        }
    } else if (base == 0) {
        base = 10;
    }
    while (c >= 0 && digit_value(c) < (unsigned)base) {
        keep(s, c);
        c = item_char(s);
    }
    bool any = s->used && digit_value((unsigned char)s->text[s->used - 1]) < 36;
    if (pointer && !s->used && c == '(') return scan_pointer_nil(s, c);
    item_back(s, c);
    if (!any) return NO_MATCH;
    uint64_t most = s->length == L_LONG_LONG || s->length == L_LONG_DOUBLE ? INT64_MAX : LONG_MAX;
    uint64_t value = is_signed ? emu_parse_integer(s->text, NULL, base, most + 1, most, false)
                               : emu_parse_integer(s->text, NULL, base, 2 * most + 1, 2 * most + 1, false);
    store_integer(target(s), s->length, value);
    return GOOD;
}

static bool keep_word(struct scan *s, int *c, const char *word) {
    for (; *word; word++) {
        if (*c < 0 || to_lower(*c) != *word) return false;
        keep(s, *c);
        *c = item_char(s);
    }
    return true;
}

/* inf, infinity, nan. */
static bool keep_special(struct scan *s, int *c) {
    if ((*c | 32) == 'n') return keep_word(s, c, "nan");
    if (!keep_word(s, c, "inf")) return false;
    return *c < 0 || (*c | 32) != 'i' || keep_word(s, c, "inity");
}

static bool keep_number(struct scan *s, int *c) {
    bool hex = false, any = false, point = false, exponent = false;
    if (*c == '0') {
        keep(s, *c);
        *c = item_char(s);
        if (*c >= 0 && (*c | 32) == 'x' && s->left) {
            keep(s, *c);
            *c = item_char(s);
            hex = true;
        } else {
            any = true;
        }
    }
    for (;; *c = item_char(s)) {
        if (*c < 0) break;
        char last = s->used ? s->text[s->used - 1] : 0;
        if (exponent && (*c == '-' || *c == '+') && (last | 32) == (hex ? 'p' : 'e')) keep(s, *c);
        else if (is_digit(*c) || (hex && !exponent && digit_value(*c) < 16)) any = true, keep(s, *c);
        else if (*c == '.' && !point && !exponent) point = true, keep(s, *c);
        else if (any && !exponent && (*c | 32) == (hex ? 'p' : 'e')) exponent = true, point = true, keep(s, *c);
        else break;
    }
    return any || (hex && point && !exponent); /* glibc takes "0x." for 0 */
}

static enum result scan_real(struct scan *s) {
    int c = item_char(s);
    if (c < 0) return NO_INPUT;
    if (c == '-' || c == '+') {
        keep(s, c);
        c = item_char(s);
        if (c < 0) return NO_MATCH;
    }
    bool special = (c | 32) == 'n' || (c | 32) == 'i';
    bool good = special ? keep_special(s, &c) : keep_number(s, &c);
    item_back(s, c);
    if (!good) return NO_MATCH;
    char *end;
    long double value = s->length == L_LONG ? strtod(s->text, &end)
                        : s->length >= L_LONG_LONG ? strtold(s->text, &end) : strtof(s->text, &end);
    if (end == s->text) return NO_MATCH;
    void *to = target(s);
    if (!to) return GOOD;
    if (s->length == L_LONG) *(double *)to = (double)value;
    else if (s->length >= L_LONG_LONG) *(long double *)to = value;
    else *(float *)to = (float)value;
    return GOOD;
}

/* -- text ------------------------------------------------------------------------------------ */

struct char_set { uint32_t bits[8]; };
static bool in_set(const struct char_set *set, int c) { return set->bits[c >> 5] >> (c & 31) & 1; }

/* The set after "%[", and where the format goes on. */
static const char *read_set(const char *format, struct char_set *set) {
    bool invert = *format == '^';
    const char *first = format += invert;
    for (int i = 0; i < 8; i++) set->bits[i] = 0;
    for (; *format && (*format != ']' || format == first); format++) {
        unsigned char from = (unsigned char)*format, to = from;
        if (format[1] == '-' && format[2] && format[2] != ']' && (unsigned char)format[2] >= from) {
            to = (unsigned char)format[2];
            format += 2;
        }
        for (unsigned c = from; c <= to; c++) set->bits[c >> 5] |= 1u << (c & 31);
    }
    if (invert)
        for (int i = 0; i < 8; i++) set->bits[i] = ~set->bits[i];
    return format;
}

/* A growing or a given piece of the program's memory, of bytes or wide characters. */
struct text_target {
    void *memory;
    void **where;      /* "m": the program's pointer */
    size_t used, room; /* in characters; room is 0 when it is the program's memory */
    bool as_wide;
};

static bool add_character(struct text_target *t, wide c) {
    if (!t->memory) return true;
    size_t size = t->as_wide ? sizeof(wide) : 1;
    if (t->where && t->used == t->room) {
        void *grown = emu_heap.realloc(t->memory, t->room * 2 * size);
        if (!grown) return false;
        t->memory = *t->where = grown;
        t->room *= 2;
    }
    if (t->as_wide) ((wide *)t->memory)[t->used++] = c;
    else ((char *)t->memory)[t->used++] = (char)c;
    return true;
}

/* Characters that belong (all of them, not blanks, or those of a set) up to the width; ended by a zero unless %c. */
static enum result scan_text(struct scan *s, char conversion, const struct char_set *set) {
    int c = item_char(s);
    if (c < 0) return NO_INPUT;
    struct text_target t = {.as_wide = s->length == L_LONG};
    bool first = true;
    multibyte_state state = {0};
    for (; c >= 0; c = item_char(s)) {
        if (conversion == '[' ? !in_set(set, c) : conversion == 's' && is_space(c)) {
            item_back(s, c);
            break;
        }
        if (first && s->store) {
            t.memory = target(s);
            if (s->allocate) {
                t.where = t.memory;
                t.room = conversion == 'c' && s->left < 1 << 16 ? (size_t)s->left + 1 : 100;
                *t.where = t.memory = emu_heap.malloc(t.room * (t.as_wide ? sizeof(wide) : 1));
                if (!t.memory) return NO_INPUT;
            }
        }
        first = false;
        wide character = (wide)(unsigned char)c;
        if (t.as_wide) {
            char byte = (char)c;
            size_t n = mbrtowc(&character, &byte, 1, &state);
            if (n == (size_t)-1) return NO_INPUT;
            if (n == (size_t)-2) {
                s->left++; /* the width counts characters, not bytes */
                continue;
            }
        }
        if (!add_character(&t, character)) return NO_INPUT;
    }
    if (first) return NO_MATCH;
    if (conversion != 'c' && !add_character(&t, 0)) return NO_INPUT;
    if (t.where) {
        void *fitted = emu_heap.realloc(t.memory, t.used * (t.as_wide ? sizeof(wide) : 1));
        if (fitted) *t.where = fitted;
    }
    return GOOD;
}

/* -- formats --------------------------------------------------------------------------------- */

static int read_number(const char **at) {
    int n = 0;
    for (; is_digit(**at); ++*at) n = n < INT_MAX / 10 - 1 ? n * 10 + (**at - '0') : INT_MAX / 10;
    return n;
}

static const char *read_directive(struct scan *s, const char *p) {
    s->store = true;
    s->allocate = false;
    s->argument = 0;
    s->left = INT_MAX;
    s->length = L_INT;
    if (is_digit(*p)) {
        int n = read_number(&p);
        if (*p == '$') s->argument = n, p++;
        else if (n) s->left = n;
    }
    for (;; p++) {
        if (*p == '*') s->store = false;
        else if (*p != '\'' && *p != 'I') break;
    }
    if (is_digit(*p)) {
        int n = read_number(&p);
        if (n) s->left = n;
    }
    if (*p == 'm') s->allocate = true, p++;
    switch (*p) {
    case 'h': s->length = L_SHORT; if (*++p == 'h') s->length = L_CHAR, p++; break;
    case 'l': s->length = L_LONG; if (*++p == 'l') s->length = L_LONG_LONG, p++; break;
    case 'q': case 'j': s->length = L_LONG_LONG; p++; break;
    case 'L': s->length = L_LONG_DOUBLE; p++; break;
    case 'z': case 'Z': case 't': s->length = L_LONG; p++; break;
    }
    return p;
}

static enum result scan_directive(struct scan *s, const char **format) {
    char conversion = *(*format)++;
    struct char_set set;
    if (conversion == 'C' || conversion == 'S') s->length = L_LONG, conversion |= 32;
    if (conversion == 'n') {
        store_integer(target(s), s->length, s->count);
        return GOOD;
    }
    if (conversion == '[') {
        *format = read_set(*format, &set);
        if (!*(*format)++) return NO_MATCH;
    } else if (!conversion || !strchr("diuoxXbpeEfFgGaAcs", conversion)) {
        return NO_MATCH;
    } else if (conversion != 'c' && skip_space(s) < 0) {
        return NO_INPUT;
    }
    switch (conversion) {
    case 'd': return scan_integer(s, 10, true, false);
    case 'i': return scan_integer(s, 0, true, false);
    case 'u': return scan_integer(s, 10, false, false);
    case 'o': return scan_integer(s, 8, false, false);
    case 'x': case 'X': return scan_integer(s, 16, false, false);
    case 'b': return scan_integer(s, 2, false, false);
    case 'p': s->length = L_LONG; return scan_integer(s, 16, false, true);
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': case 'a': case 'A': return scan_real(s);
    case 'c': if (s->left == INT_MAX) s->left = 1; return scan_text(s, 'c', NULL);
    case 's': return scan_text(s, 's', NULL);
    case '[': return scan_text(s, '[', &set);
    default: return NO_MATCH;
    }
}

static int scan(FILE *f, const char *format, va_list arguments, bool binary) {
    struct scan s = {.file = f, .binary = binary};
    int done = 0;
    enum result result = GOOD;
    va_copy(s.next, arguments);
    va_copy(s.all, arguments);
    s.text = s.small;
    while (*format && result == GOOD) {
        if (is_space((unsigned char)*format)) {
            skip_space(&s);
            format++;
            continue;
        }
        const char *literal = format;
        if (*format == '%' && format[1] == '%') {
            skip_space(&s);
            format++;
        }
        if (*format != '%' || literal != format) {
            int c = next_char(&s);
            if (c != (unsigned char)*format++) {
                put_back(&s, c);
                result = c < 0 ? NO_INPUT : NO_MATCH;
            }
            continue;
        }
        format = read_directive(&s, format + 1);
        bool counts = s.store && *format != 'n';
        start_item(&s);
        result = scan_directive(&s, &format);
        done += result == GOOD && counts;
    }
    start_item(&s);
    va_end(s.next);
    va_end(s.all);
    return result == NO_INPUT && !done ? STREAM_EOF : done;
}

static int scan_file(FILE *f, const char *format, va_list arguments, bool binary) {
    lock_file(f);
    int result = scan(f, format, arguments, binary);
    unlock_file(f);
    return result;
}

static int scan_string(const char *text, const char *format, va_list arguments, bool binary) {
    struct file f = {.flags = F_STATIC | F_USER_LOCK | F_NO_WRITES, .fd = -1};
    f.read_at = f.read_base = (char *)text;
    f.read_end = (char *)text + strlen(text);
    f.buffer = f.single;
    f.buffer_end = f.single + 1;
    return scan(&f, format, arguments, binary);
}

/* -- the functions, under the names programs of each C standard use --------------------------- */

#define WITH_ARGUMENTS(last, call) \
    do { \
        va_list arguments; \
        va_start(arguments, last); \
        int result_ = call; \
        va_end(arguments); \
        return result_; \
    } while (0)

#define FAMILY(prefix, binary) \
    EXPORT int prefix##vfscanf(FILE *restrict f, const char *restrict format, va_list arguments) { \
        return scan_file(f, format, arguments, binary); \
    } \
    EXPORT int prefix##vscanf(const char *restrict format, va_list arguments) { return scan_file(stdin, format, arguments, binary); } \
    EXPORT int prefix##vsscanf(const char *restrict text, const char *restrict format, va_list arguments) { \
        return scan_string(text, format, arguments, binary); \
    } \
    EXPORT int prefix##fscanf(FILE *restrict f, const char *restrict format, ...) { \
        WITH_ARGUMENTS(format, scan_file(f, format, arguments, binary)); \
    } \
    EXPORT int prefix##scanf(const char *restrict format, ...) { WITH_ARGUMENTS(format, scan_file(stdin, format, arguments, binary)); } \
    EXPORT int prefix##sscanf(const char *restrict text, const char *restrict format, ...) { \
        WITH_ARGUMENTS(format, scan_string(text, format, arguments, binary)); \
    }

FAMILY(, false)
FAMILY(__isoc99_, false)
FAMILY(__isoc23_, true)
