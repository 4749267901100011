/* Shared by the printf family's files: where the text goes, one conversion's specification, numbers taken apart. */
#ifndef EMU_FORMAT_H
#define EMU_FORMAT_H

#include "lib.h"

/* Takes text. total counts all of it, kept or not; failed is set once its destination refused more. */
struct sink {
    void (*put)(struct sink *sink, const char *data, size_t size);
    size_t total;
    bool failed;
    bool utf8; /* wide arguments come out as UTF-8 whatever the locale */
};
static inline void emit(struct sink *sink, const char *data, size_t size) {
    if (!size) return;
    sink->total += size;
    sink->put(sink, data, size);
}
HIDDEN void emu_emit_many(struct sink *sink, char c, size_t count);

enum format_flag { LEFT = 1, PLUS = 2, BLANK_SIGN = 4, ALTERNATE = 8, ZEROS = 16, GROUPED = 32 };

struct spec {
    unsigned flags;
    int width;      /* >= 0 */
    int precision;  /* -1: none given */
    char conversion;
};

/* A binary number as IEEE 754 has it: significand x 2^exponent, the significand an integer of 128 bits, low word first. */
enum real_kind { REAL_FINITE, REAL_INFINITE, REAL_NAN };
struct real {
    uint32_t significand[4];
    int exponent;
    int digits;        /* significand bits of the format: 24, 53, 64, 113 */
    int least;         /* exponent of the format's smallest number */
    bool negative;
    enum real_kind kind;
};
HIDDEN void emu_take_apart(struct real *real, long double value);
HIDDEN void emu_take_apart_double(struct real *real, double value);
HIDDEN void emu_format_real(struct sink *sink, const struct spec *spec, const struct real *real);

/* Formats into the sink. 0, or -1 with errno. */
HIDDEN int emu_format(struct sink *sink, const char *format, va_list arguments);

#endif
