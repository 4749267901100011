/* wchar.h and stdlib.h: between multibyte text and wide characters, in the C locale (bytes below 128)
 * or a UTF-8 one (RFC 3629). */
#include "lib.h"

static multibyte_state internal[6]; /* for callers that give none: one for each function, C11 7.29.6.3 */
enum { FOR_MBRTOWC, FOR_MBRLEN, FOR_WCRTOMB, FOR_MBTOWC, FOR_MBSRTOWCS, FOR_WCSRTOMBS };

static size_t bad_sequence(void) {
    errno = EILSEQ;
    return (size_t)-1;
}

static size_t decode_ascii(wide *to, unsigned char byte) {
    if (byte >= 128) return bad_sequence();
    if (to) *to = byte;
    return byte != 0;
}

/* state->partial: the bits so far below, and in its top bits the smallest value that needs this many bytes. */
static size_t decode(wide *to, const char *s, size_t n, multibyte_state *state) {
    size_t used = 0;
    if (!n) return (size_t)-2;
    uint32_t missing = state->missing & 0xff, least = state->missing >> 8, value = state->partial;
    if (!missing) {
        unsigned char first = (unsigned char)*s;
        if (!emu_locale_utf8() || first < 128) return decode_ascii(to, first);
        if (first < 0xc2 || first > 0xf4) return bad_sequence();
        missing = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        least = missing == 1 ? 0x80 : missing == 2 ? 0x800 : 0x10000;
        value = first & (0x3fu >> missing);
        used = 1;
    }
    for (; missing; missing--, used++) {
        if (used == n) {
            state->missing = missing | least << 8;
            state->partial = value;
            return (size_t)-2;
        }
        unsigned char next = (unsigned char)s[used];
        if ((next & 0xc0) != 0x80) return bad_sequence();
        value = value << 6 | (next & 0x3f);
    }
    state->missing = state->partial = 0;
    if (value < least || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return bad_sequence();
    if (to) *to = (wide)value;
    return value ? used : 0;
}

EXPORT size_t mbrtowc(wide *restrict to, const char *restrict s, size_t n, multibyte_state *restrict state) {
    if (!state) state = &internal[FOR_MBRTOWC];
    return s ? decode(to, s, n, state) : decode(NULL, "", 1, state);
}
EXPORT size_t mbrlen(const char *restrict s, size_t n, multibyte_state *restrict state) {
    return mbrtowc(NULL, s, n, state ? state : &internal[FOR_MBRLEN]);
}
ALSO(__mbrlen, mbrlen);
EXPORT int mbsinit(const multibyte_state *state) { return !state || !state->missing; }

EXPORT int mbtowc(wide *restrict to, const char *restrict s, size_t n) {
    if (!s) return 0;
    multibyte_state state = {0};
    size_t used = decode(to, s, n, &state);
    return (ssize_t)used < 0 ? -1 : (int)used;
}
EXPORT int mblen(const char *s, size_t n) { return mbtowc(NULL, s, n); }

HIDDEN size_t emu_encode_utf8(char *s, uint32_t value) {
    if (value < 0x80) {
        *s = (char)value;
        return 1;
    }
    unsigned more = value < 0x800 ? 1 : value < 0x10000 ? 2 : 3;
    s[0] = (char)(0xf0u << (3 - more) | value >> 6 * more);
    for (unsigned i = 1; i <= more; i++) s[i] = (char)(0x80 | (value >> 6 * (more - i) & 0x3f));
    return more + 1;
}
EXPORT size_t wcrtomb(char *restrict s, wide c, multibyte_state *restrict state) {
    char unused[8];
    uint32_t value = (uint32_t)c;
    if (!s) s = unused, value = 0;
    if (value >= 0x80 && (!emu_locale_utf8() || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))) return bad_sequence();
    return emu_encode_utf8(s, value);
}
EXPORT int wctomb(char *s, wide c) { return s ? (int)wcrtomb(s, c, NULL) : 0; }

EXPORT size_t mbsnrtowcs(wide *restrict to, const char **restrict from, size_t bytes, size_t room,
                         multibyte_state *restrict state) {
    const char *s = *from;
    size_t count = 0;
    if (!state) state = &internal[FOR_MBSRTOWCS];
    while (bytes && (!to || count < room)) {
        wide c;
        size_t used = decode(&c, s, bytes, state);
        if (used == (size_t)-1) {
            if (to) *from = s;
            return used;
        }
        if (used == (size_t)-2) {
            s += bytes;
            break;
        }
        if (to) to[count] = c;
        if (!used) {
            if (to) *from = NULL;
            return count;
        }
        count++;
        s += used;
        bytes -= used;
    }
    if (to) *from = s;
    return count;
}
EXPORT size_t mbsrtowcs(wide *restrict to, const char **restrict from, size_t room, multibyte_state *restrict state) {
    return mbsnrtowcs(to, from, SIZE_MAX, room, state);
}
EXPORT size_t mbstowcs(wide *restrict to, const char *from, size_t room) {
    multibyte_state state = {0};
    return mbsnrtowcs(to, &from, SIZE_MAX, room, &state);
}

EXPORT size_t wcsnrtombs(char *restrict to, const wide **restrict from, size_t count, size_t room,
                         multibyte_state *restrict state) {
    const wide *s = *from;
    size_t size = 0;
    for (; count; count--, s++) {
        char bytes[8];
        size_t n = wcrtomb(bytes, *s, state);
        if (n == (size_t)-1) {
            if (to) *from = s;
            return n;
        }
        if (to) {
            if (n > room - size) break;
            memcpy(to + size, bytes, n);
        }
        if (!*s) {
            if (to) *from = NULL;
            return size;
        }
        size += n;
    }
    if (to) *from = s;
    return size;
}
EXPORT size_t wcsrtombs(char *restrict to, const wide **restrict from, size_t room, multibyte_state *restrict state) {
    return wcsnrtombs(to, from, SIZE_MAX, room, state);
}
EXPORT size_t wcstombs(char *restrict to, const wide *from, size_t room) {
    return wcsnrtombs(to, &from, SIZE_MAX, room, NULL);
}

EXPORT wide btowc(int c) { return (unsigned)c < 128 ? (wide)c : (wide)-1; }
EXPORT int wctob(wide c) { return (uint32_t)c < 128 ? (int)c : -1; }

EXPORT size_t __mbstowcs_chk(wide *to, const char *from, size_t room, size_t size) {
    if (room > size) emu_fortify_fail();
    return mbstowcs(to, from, room);
}
EXPORT size_t __wcstombs_chk(char *to, const wide *from, size_t room, size_t size) {
    if (room > size) emu_fortify_fail();
    return wcstombs(to, from, room);
}
EXPORT size_t __wcrtomb_chk(char *s, wide c, multibyte_state *state, size_t size) { return wcrtomb(s, c, state); }
EXPORT size_t __mbsrtowcs_chk(wide *to, const char **from, size_t room, multibyte_state *state, size_t size) {
    if (room > size) emu_fortify_fail();
    return mbsrtowcs(to, from, room, state);
}
