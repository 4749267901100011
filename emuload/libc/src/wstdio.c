/* wchar.h: wide characters through streams, and the wide printf family.
 *
 * A wide format is turned into UTF-8, formatted by the same code as a narrow one, and what comes out is turned
 * back; widths and precisions therefore count bytes, which is the same for ASCII. */
#include "file.h"
#include "format.h"

typedef uint32_t wide_int;
#define WIDE_EOF ((wide_int)-1)

EXPORT int fwide(FILE *f, int mode) {
    if (mode && !f->orientation) f->orientation = mode < 0 ? -1 : 1;
    return f->orientation;
}

/* -- characters ------------------------------------------------------------------------------ */

static wide_int get_wide(FILE *f) {
    multibyte_state state = {0};
    for (;;) {
        int c = get_byte(f);
        if (c < 0) {
            if (state.missing) errno = EILSEQ, f->flags |= F_ERROR;
            return WIDE_EOF;
        }
        char byte = (char)c;
        wide result;
        size_t n = mbrtowc(&result, &byte, 1, &state);
        if (n == (size_t)-1) {
            f->flags |= F_ERROR;
            return WIDE_EOF;
        }
        if (n != (size_t)-2) return (wide_int)result;
    }
}

static wide_int put_wide(FILE *f, wide c) {
    char bytes[8];
    multibyte_state state = {0};
    size_t n = wcrtomb(bytes, c, &state);
    if (n == (size_t)-1 || emu_file_put(f, bytes, n) != n) {
        f->flags |= F_ERROR;
        return WIDE_EOF;
    }
    return (wide_int)c;
}

EXPORT wide_int fgetwc_unlocked(FILE *f) {
    fwide(f, 1);
    return get_wide(f);
}
EXPORT wide_int fgetwc(FILE *f) {
    lock_file(f);
    wide_int c = fgetwc_unlocked(f);
    unlock_file(f);
    return c;
}
EXPORT wide_int getwchar(void) { return fgetwc(stdin); }
EXPORT wide_int fputwc_unlocked(wide c, FILE *f) {
    fwide(f, 1);
    return put_wide(f, c);
}
EXPORT wide_int fputwc(wide c, FILE *f) {
    lock_file(f);
    wide_int result = fputwc_unlocked(c, f);
    unlock_file(f);
    return result;
}
EXPORT wide_int putwchar(wide c) { return fputwc(c, stdout); }
ALSO(getwc, fgetwc);
ALSO(getwc_unlocked, fgetwc_unlocked);
ALSO(putwc, fputwc);
ALSO(putwc_unlocked, fputwc_unlocked);

EXPORT wide_int ungetwc(wide_int c, FILE *f) {
    char bytes[8];
    multibyte_state state = {0};
    if (c == WIDE_EOF) return WIDE_EOF;
    size_t n = wcrtomb(bytes, (wide)c, &state);
    if (n == (size_t)-1) return WIDE_EOF;
    lock_file(f);
    while (n && emu_file_unget(f, (unsigned char)bytes[n - 1]) >= 0) n--;
    unlock_file(f);
    return n ? WIDE_EOF : c;
}

EXPORT wide *fgetws(wide *restrict s, int size, FILE *restrict f) {
    int n = 0;
    wide_int c = 0;
    if (size <= 0) return NULL;
    lock_file(f);
    while (n < size - 1 && c != '\n' && (c = fgetwc_unlocked(f)) != WIDE_EOF) s[n++] = (wide)c;
    unlock_file(f);
    s[n] = 0;
    return n || size == 1 ? s : NULL;
}
EXPORT int fputws(const wide *restrict s, FILE *restrict f) {
    int result = 1;
    lock_file(f);
    fwide(f, 1);
    for (; *s && result > 0; s++)
        if (put_wide(f, *s) == WIDE_EOF) result = -1;
    unlock_file(f);
    return result;
}
ALSO(fgetws_unlocked, fgetws);
ALSO(fputws_unlocked, fputws);

/* -- formats --------------------------------------------------------------------------------- */

/* UTF-8 whatever the locale. */
static char *encode(const wide *s) {
    size_t n = 0;
    while (s[n]) n++;
    char *text = em_malloc(4 * n + 1), *to = text;
    if (!text) return NULL;
    for (; *s; s++) to += emu_encode_utf8(to, (uint32_t)*s);
    *to = 0;
    return text;
}

/* Takes the formatter's bytes apart into wide characters, for a stream or for memory. */
struct wide_sink {
    struct sink sink;
    uint32_t partial, missing;
    FILE *file;
    wide *at, *end;
    size_t count;
};

static void take(struct wide_sink *w, uint32_t c) {
    w->count++;
    if (w->file) {
        if (put_wide(w->file, (wide)c) == WIDE_EOF) w->sink.failed = true;
    } else if (w->at < w->end) {
        *w->at++ = (wide)c;
    }
}

static void put_bytes(struct sink *sink, const char *data, size_t size) {
    struct wide_sink *w = (struct wide_sink *)sink;
    for (; size; size--) {
        unsigned char byte = (unsigned char)*data++;
        if (w->missing) {
            w->partial = w->partial << 6 | (byte & 63);
            if (!--w->missing) take(w, w->partial);
        } else if (byte < 0x80) {
            take(w, byte);
        } else {
            w->missing = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
            w->partial = byte & (0x3fu >> w->missing);
        }
    }
}

static int format_wide(struct wide_sink *w, const wide *format, va_list arguments) {
    char *text = encode(format);
    if (!text) return -1;
    w->sink = (struct sink){.put = put_bytes, .utf8 = true};
    int result = emu_format(&w->sink, text, arguments);
    em_free(text);
    return result || w->sink.failed ? -1 : (int)w->count;
}

EXPORT int vfwprintf(FILE *restrict f, const wide *restrict format, va_list arguments) {
    struct wide_sink w = {.file = f};
    lock_file(f);
    fwide(f, 1);
    int result = format_wide(&w, format, arguments);
    unlock_file(f);
    return result;
}
EXPORT int vswprintf(wide *restrict to, size_t size, const wide *restrict format, va_list arguments) {
    if (!size) return -1;
    struct wide_sink w = {.at = to, .end = to + size - 1};
    int result = format_wide(&w, format, arguments);
    *w.at = 0;
    return result >= 0 && (size_t)result < size ? result : -1;
}
EXPORT int vwprintf(const wide *restrict format, va_list arguments) { return vfwprintf(stdout, format, arguments); }

#define WITH_ARGUMENTS(last, call) \
    do { \
        va_list arguments; \
        va_start(arguments, last); \
        int result_ = call; \
        va_end(arguments); \
        return result_; \
    } while (0)
EXPORT int fwprintf(FILE *restrict f, const wide *restrict format, ...) { WITH_ARGUMENTS(format, vfwprintf(f, format, arguments)); }
EXPORT int wprintf(const wide *restrict format, ...) { WITH_ARGUMENTS(format, vfwprintf(stdout, format, arguments)); }
EXPORT int swprintf(wide *restrict to, size_t size, const wide *restrict format, ...) {
    WITH_ARGUMENTS(format, vswprintf(to, size, format, arguments));
}
EXPORT int __vfwprintf_chk(FILE *f, int flag, const wide *format, va_list arguments) { return vfwprintf(f, format, arguments); }
EXPORT int __vwprintf_chk(int flag, const wide *format, va_list arguments) { return vfwprintf(stdout, format, arguments); }
EXPORT int __vswprintf_chk(wide *to, size_t size, int flag, size_t room, const wide *format, va_list arguments) {
    if (size > room) emu_fortify_fail();
    return vswprintf(to, size, format, arguments);
}
EXPORT int __fwprintf_chk(FILE *f, int flag, const wide *format, ...) { WITH_ARGUMENTS(format, vfwprintf(f, format, arguments)); }
EXPORT int __wprintf_chk(int flag, const wide *format, ...) { WITH_ARGUMENTS(format, vfwprintf(stdout, format, arguments)); }
EXPORT int __swprintf_chk(wide *to, size_t size, int flag, size_t room, const wide *format, ...) {
    WITH_ARGUMENTS(format, __vswprintf_chk(to, size, flag, room, format, arguments));
}
