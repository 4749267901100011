/* ctype.h in the C locale: the functions, and the tables glibc's macros index from -128 to 255. */
#include "lib.h"

/* Bits of <ctype.h>'s enum on a little-endian machine. */
enum {
    UPPER = 0x100, LOWER = 0x200, ALPHA = 0x400, DIGIT = 0x800, XDIGIT = 0x1000, SPACE = 0x2000, PRINT = 0x4000,
    GRAPH = 0x8000, BLANK = 0x1, CNTRL = 0x2, PUNCT = 0x4, ALNUM = 0x8,
    VISIBLE = PRINT | GRAPH, MARK = VISIBLE | PUNCT, LETTER = VISIBLE | ALPHA | ALNUM,
};

static const uint16_t classes[384] = {
    [128 + 0 ... 128 + 8] = CNTRL,
    [128 + '\t'] = CNTRL | SPACE | BLANK,
    [128 + '\n' ... 128 + '\r'] = CNTRL | SPACE,
    [128 + 14 ... 128 + 31] = CNTRL,
    [128 + ' '] = PRINT | SPACE | BLANK,
    [128 + '!' ... 128 + '/'] = MARK,
    [128 + '0' ... 128 + '9'] = VISIBLE | ALNUM | DIGIT | XDIGIT,
    [128 + ':' ... 128 + '@'] = MARK,
    [128 + 'A' ... 128 + 'F'] = LETTER | UPPER | XDIGIT,
    [128 + 'G' ... 128 + 'Z'] = LETTER | UPPER,
    [128 + '[' ... 128 + '`'] = MARK,
    [128 + 'a' ... 128 + 'f'] = LETTER | LOWER | XDIGIT,
    [128 + 'g' ... 128 + 'z'] = LETTER | LOWER,
    [128 + '{' ... 128 + '~'] = MARK,
    [128 + 127] = CNTRL,
};

#define RUN8(i) (i), (i) + 1, (i) + 2, (i) + 3, (i) + 4, (i) + 5, (i) + 6, (i) + 7
#define RUN32(i) RUN8(i), RUN8((i) + 8), RUN8((i) + 16), RUN8((i) + 24)
#define RUN128(i) RUN32(i), RUN32((i) + 32), RUN32((i) + 64), RUN32((i) + 96)
#define LETTERS(i) RUN8(i), RUN8((i) + 8), RUN8((i) + 16), (i) + 24, (i) + 25
#define BELOW_ZERO RUN32(128), RUN32(160), RUN32(192), RUN8(224), RUN8(232), RUN8(240), 248, 249, 250, 251, 252, 253, 254, -1

static const int32_t lower_of[384] = {
    BELOW_ZERO, RUN32(0), RUN32(32), '@', LETTERS('a'), '[', '\\', ']', '^', '_', RUN32(96), RUN128(128),
};
static const int32_t upper_of[384] = {
    BELOW_ZERO, RUN32(0), RUN32(32), RUN32(64), '`', LETTERS('A'), '{', '|', '}', '~', 127, RUN128(128),
};

HIDDEN const uint16_t *const emu_ctype_classes = classes + 128;
HIDDEN const int32_t *const emu_ctype_lower = lower_of + 128;
HIDDEN const int32_t *const emu_ctype_upper = upper_of + 128;

EXPORT const uint16_t **__ctype_b_loc(void) { return (const uint16_t **)&emu_ctype_classes; }
EXPORT const int32_t **__ctype_tolower_loc(void) { return (const int32_t **)&emu_ctype_lower; }
EXPORT const int32_t **__ctype_toupper_loc(void) { return (const int32_t **)&emu_ctype_upper; }

static inline int has(int c, unsigned bits) { return (unsigned)c < 256 ? classes[128 + c] & bits : 0; }

#define CLASS(name, bits) \
    EXPORT int is##name(int c) { return has(c, bits); } \
    EXPORT int is##name##_l(int c, void *locale) { \
        (void)locale; \
        return has(c, bits); \
    } \
    ALSO(__is##name##_l, is##name##_l)
CLASS(alnum, ALNUM);
CLASS(alpha, ALPHA);
CLASS(blank, BLANK);
CLASS(cntrl, CNTRL);
CLASS(digit, DIGIT);
CLASS(graph, GRAPH);
CLASS(lower, LOWER);
CLASS(print, PRINT);
CLASS(punct, PUNCT);
CLASS(space, SPACE);
CLASS(upper, UPPER);
CLASS(xdigit, XDIGIT);

EXPORT int isascii(int c) { return (c & ~127) == 0; }
EXPORT int toascii(int c) { return c & 127; }
EXPORT int tolower(int c) { return to_lower(c); }
EXPORT int toupper(int c) { return to_upper(c); }
ALSO(_tolower, tolower);
ALSO(_toupper, toupper);
EXPORT int tolower_l(int c, void *locale) {
    (void)locale;
    return to_lower(c);
}
EXPORT int toupper_l(int c, void *locale) {
    (void)locale;
    return to_upper(c);
}
ALSO(__tolower_l, tolower_l);
ALSO(__toupper_l, toupper_l);
