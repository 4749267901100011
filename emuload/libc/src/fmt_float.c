/* Exact text of binary floating-point numbers: %e %f %g %a.
 *
 * A binary fraction has a finite decimal form, so every digit can be had exactly: the part before the
 * point by dividing a big integer by 10^9, the part after it by multiplying a big fraction by 10^9, nine digits a
 * step. Only as many as the precision asks for are made; the rest decides the rounding, to nearest and
 * ties to even, as IEEE 754-2019 section 5.12.2 wants it. */
#include "format.h"

enum { CHUNK = 9 };
static const uint32_t chunk_unit = 1000000000;

/* -- taking numbers apart -------------------------------------------------------------------- */

static void classify(struct real *real, unsigned biased, unsigned infinite, bool fraction, int bias) {
    real->kind = biased != infinite ? REAL_FINITE : fraction ? REAL_NAN : REAL_INFINITE;
    real->least = 2 - bias - real->digits;
    real->exponent = (int)(biased ? biased : 1) - 1 + real->least;
}

HIDDEN void emu_take_apart_double(struct real *real, double value) {
    union { double value; uint64_t bits; } u = {value};
    uint64_t fraction = u.bits & 0xfffffffffffff;
    unsigned biased = (unsigned)(u.bits >> 52) & 0x7ff;
    real->negative = u.bits >> 63;
    real->digits = 53;
    classify(real, biased, 0x7ff, fraction != 0, 1023);
    if (biased) fraction |= 1ull << 52;
    real->significand[0] = (uint32_t)fraction;
    real->significand[1] = (uint32_t)(fraction >> 32);
    real->significand[2] = real->significand[3] = 0;
}

HIDDEN void emu_take_apart(struct real *real, long double value) {
#if LDBL_MANT_DIG == 53
    emu_take_apart_double(real, (double)value);
#elif LDBL_MANT_DIG == 64
    /* 80 bits, the leading bit of the significand is there. An exponent with that bit missing is an invalid number, shown as NaN. */
    union { long double value; struct { uint64_t significand; uint16_t top; } bits; } u = {value};
    unsigned biased = u.bits.top & 0x7fff;
    real->negative = u.bits.top >> 15;
    real->digits = 64;
    classify(real, biased, 0x7fff, (u.bits.significand << 1) != 0, 16383);
    if (biased && !(u.bits.significand >> 63)) real->kind = REAL_NAN;
    real->significand[0] = (uint32_t)u.bits.significand;
    real->significand[1] = (uint32_t)(u.bits.significand >> 32);
    real->significand[2] = real->significand[3] = 0;
#else
    union { long double value; uint32_t words[4]; } u = {value};
    unsigned biased = u.words[3] >> 16 & 0x7fff;
    real->negative = u.words[3] >> 31;
    real->digits = 113;
    memcpy(real->significand, u.words, sizeof u.words);
    real->significand[3] &= 0xffff;
    bool fraction = (u.words[0] | u.words[1] | u.words[2] | real->significand[3]) != 0;
    classify(real, biased, 0x7fff, fraction, 16383);
    if (biased) real->significand[3] |= 0x10000;
#endif
}

static int significant_bits(const struct real *real) {
    for (int i = 3; i >= 0; i--)
        if (real->significand[i]) return 32 * i + 32 - __builtin_clz(real->significand[i]);
    return 0;
}

/* -- decimal digits -------------------------------------------------------------------------- */

struct decimal {
    char *digits;   /* values 0 to 9, the first one not 0 unless the number is 0 */
    size_t count;
    int point;      /* the number is 0.d0 d1 d2 … x 10^point */
};

static inline char *put_chunk(char *to, uint32_t chunk) {
    for (int i = CHUNK; i-- > 0; chunk /= 10) to[i] = (char)(chunk % 10);
    return to + CHUNK;
}

/* significand << shift (shift may be negative) as a little-endian array of `size` words; bits outside are lost. */
static void place(uint32_t *words, int size, const uint32_t significand[4], int shift) {
    for (int i = 0; i < size; i++) {
        int low = 32 * i - shift; /* this word's lowest bit, counted in the significand */
        uint64_t window = 0;
        int w = low >= 0 ? low / 32 : -((31 - low) / 32);
        if (w >= 0 && w < 4) window = significand[w];
        if (w + 1 >= 0 && w + 1 < 4) window |= (uint64_t)significand[w + 1] << 32;
        words[i] = (uint32_t)(window >> (low - 32 * w));
    }
}

/* The digits of a big integer; destroys it. */
static size_t integer_digits(char *digits, uint32_t *words, int size, uint32_t *chunks) {
    int count = 0;
    while (size) {
        uint64_t rest = 0;
        for (int i = size; i-- > 0;) {
            rest = rest << 32 | words[i];
            words[i] = (uint32_t)(rest / chunk_unit);
            rest %= chunk_unit;
        }
        chunks[count++] = (uint32_t)rest;
        while (size && !words[size - 1]) size--;
    }
    char *to = digits;
    while (count) to = put_chunk(to, chunks[--count]);
    size_t all = (size_t)(to - digits), zeros = 0;
    while (zeros < all && !digits[zeros]) zeros++;
    memmove(digits, digits + zeros, all - zeros);
    return all - zeros;
}

/* A big fraction: words[0 … size-1] / 2^(32 size), without zero words at its low end. */
struct fraction { uint32_t *words; int size; };

static uint32_t next_chunk(struct fraction *f) {
    uint64_t carry = 0;
    for (int i = 0; i < f->size; i++) {
        carry += (uint64_t)f->words[i] * chunk_unit;
        f->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    while (f->size && !f->words[0]) {
        f->words++;
        f->size--;
    }
    return (uint32_t)carry;
}

/* Keeps `wanted` digits (may be 0 or less), rounding by what follows. */
static void round_decimal(struct decimal *d, int wanted, bool more) {
    if (wanted < 0) {
        d->count = 0;
        return;
    }
    size_t keep = (size_t)wanted;
    if (keep >= d->count) return;
    bool up = d->digits[keep] > 5, tie = d->digits[keep] == 5 && !more;
    if (d->digits[keep] == 5) {
        for (size_t i = keep + 1; tie && i < d->count; i++) tie = !d->digits[i];
        up = tie ? keep && d->digits[keep - 1] & 1 : true;
    }
    d->count = keep;
    if (!up) return;
    while (keep && d->digits[keep - 1] == 9) d->digits[--keep] = 0;
    if (keep) {
        d->digits[keep - 1]++;
        return;
    }
    d->digits[0] = 1; /* 9…9 became 1 0…0, one place further left */
    for (size_t i = 1; i <= d->count; i++) d->digits[i] = 0;
    d->count++;
    d->point++;
}

struct request {
    bool after_point; /* digits counts those after the point, not the significant ones */
    int digits;
};

static inline int wanted_digits(const struct decimal *d, struct request request) {
    int64_t wanted = request.after_point ? (int64_t)d->point + request.digits : request.digits;
    return wanted > INT_MAX / 2 ? INT_MAX / 2 : (int)wanted;
}

/* How many words and characters make_digits needs. */
struct sizes { int integer, fraction, shift; size_t chunks, digits; };
static struct sizes plan(const struct real *real, struct request request) {
    struct sizes s = {0};
    int top = significant_bits(real) + real->exponent; /* value < 2^top */
    if (top > 0) s.integer = (top + 31) / 32;
    if (real->exponent < 0) s.fraction = (-real->exponent + 31) / 32;
    s.chunks = (size_t)s.integer * 32 * 100 / 2989 + 2; /* 2^29.89 < 10^9 */
    size_t after = (size_t)s.fraction * 32, asked = (size_t)request.digits + 3 * CHUNK;
    s.digits = s.chunks * CHUNK + (after < asked ? after : asked) + 2 * CHUNK + 2;
    return s;
}

/* The number's digits as requested and rounded; words and chunks are scratch of the planned sizes. */
static void make_digits(struct decimal *d, const struct real *real, struct request request, const struct sizes *sizes,
                        uint32_t *words, uint32_t *chunks) {
    struct fraction f = {words, sizes->fraction};
    uint32_t *integer = words + sizes->fraction;
    place(f.words, f.size, real->significand, 32 * f.size + real->exponent);
    place(integer, sizes->integer, real->significand, real->exponent);
    while (f.size && !f.words[0]) {
        f.words++;
        f.size--;
    }
    d->count = integer_digits(d->digits, integer, sizes->integer, chunks);
    d->point = (int)d->count;
    while (f.size && (int64_t)d->count <= wanted_digits(d, request)) {
        uint32_t chunk = next_chunk(&f);
        if (!d->count && !chunk) {
            d->point -= CHUNK;
            continue;
        }
        put_chunk(d->digits + d->count, chunk);
        if (d->count) {
            d->count += CHUNK;
            continue;
        }
        int zeros = 0;
        while (!d->digits[zeros]) zeros++;
        memmove(d->digits, d->digits + zeros, (size_t)(CHUNK - zeros));
        d->count = (size_t)(CHUNK - zeros);
        d->point -= zeros;
    }
    round_decimal(d, wanted_digits(d, request), f.size != 0);
}

/* -- layout ---------------------------------------------------------------------------------- */

/* Pads, and writes sign or prefix; returns how many blanks must follow the number. */
static size_t open_field(struct sink *sink, const struct spec *spec, const char *prefix, size_t body, bool zeros) {
    size_t used = strlen(prefix) + body, pad = (size_t)spec->width > used ? (size_t)spec->width - used : 0;
    bool left = spec->flags & LEFT, fill = spec->flags & ZEROS && zeros && !left;
    if (!left && !fill) emu_emit_many(sink, ' ', pad);
    emit(sink, prefix, strlen(prefix));
    if (fill) emu_emit_many(sink, '0', pad);
    return left ? pad : 0;
}

static void emit_digits(struct sink *sink, const struct decimal *d, size_t from, size_t count) {
    size_t have = from < d->count ? d->count - from : 0;
    if (have > count) have = count;
    char text[64];
    for (size_t done = 0; done < have;) {
        size_t n = have - done < sizeof text ? have - done : sizeof text;
        for (size_t i = 0; i < n; i++) text[i] = (char)('0' + d->digits[from + done + i]);
        emit(sink, text, n);
        done += n;
    }
    emu_emit_many(sink, '0', count - have);
}

static size_t exponent_text(char *to, char letter, int exponent, int least_digits) {
    char *at = to, reversed[8];
    int n = 0;
    unsigned rest = exponent < 0 ? (unsigned)-exponent : (unsigned)exponent;
    *at++ = letter;
    *at++ = exponent < 0 ? '-' : '+';
    for (; rest; rest /= 10) reversed[n++] = (char)('0' + rest % 10);
    while (n < least_digits) reversed[n++] = '0';
    while (n) *at++ = reversed[--n];
    return (size_t)(at - to);
}

static void layout_fixed(struct sink *sink, const struct spec *spec, const char *sign, const struct decimal *d, int after) {
    size_t before = d->count && d->point > 0 ? (size_t)d->point : 1;
    bool point = after || spec->flags & ALTERNATE;
    size_t blanks = open_field(sink, spec, sign, before + point + (size_t)after, true);
    if (!d->count || d->point <= 0) {
        size_t zeros = d->count ? (size_t)-d->point : (size_t)after;
        if (zeros > (size_t)after) zeros = (size_t)after;
        emit(sink, "0.", 1 + point);
        emu_emit_many(sink, '0', zeros);
        emit_digits(sink, d, 0, (size_t)after - zeros);
    } else {
        emit_digits(sink, d, 0, before);
        emit(sink, ".", point);
        emit_digits(sink, d, before, (size_t)after);
    }
    emu_emit_many(sink, ' ', blanks);
}

static void layout_exponent(struct sink *sink, const struct spec *spec, const char *sign, const struct decimal *d, int after,
                            char letter) {
    char exponent[12];
    size_t length = exponent_text(exponent, letter, d->count ? d->point - 1 : 0, 2);
    bool point = after || spec->flags & ALTERNATE;
    size_t blanks = open_field(sink, spec, sign, 1 + point + (size_t)after + length, true);
    emit_digits(sink, d, 0, 1);
    emit(sink, ".", point);
    emit_digits(sink, d, 1, (size_t)after);
    emit(sink, exponent, length);
    emu_emit_many(sink, ' ', blanks);
}

static size_t without_trailing_zeros(const struct decimal *d) {
    size_t n = d->count;
    while (n && !d->digits[n - 1]) n--;
    return n;
}

static void format_decimal(struct sink *sink, const struct spec *spec, const char *sign, const struct real *real) {
    char kind = spec->conversion | 32, letter = spec->conversion & 32 ? 'e' : 'E';
    int precision = spec->precision < 0 ? 6 : spec->precision;
    if (kind == 'g' && !precision) precision = 1;
    struct request request = {kind == 'f', kind == 'e' ? precision + (precision < INT_MAX) : precision};
    struct sizes sizes = plan(real, request);
    uint32_t words[sizes.integer + sizes.fraction + 1], chunks[sizes.chunks];
    char digits[sizes.digits];
    struct decimal d = {.digits = digits};
    make_digits(&d, real, request, &sizes, words, chunks);
    if (kind == 'f') {
        layout_fixed(sink, spec, sign, &d, precision);
        return;
    }
    if (kind == 'e') {
        layout_exponent(sink, spec, sign, &d, precision, letter);
        return;
    }
    int exponent = d.count ? d.point - 1 : 0;
    if (d.count > (size_t)precision) d.count = (size_t)precision;
    int significant = spec->flags & ALTERNATE ? precision : (int)without_trailing_zeros(&d);
    if (exponent < -4 || exponent >= precision) {
        layout_exponent(sink, spec, sign, &d, significant ? significant - 1 : 0, letter);
    } else {
        int after = significant - 1 - exponent;
        layout_fixed(sink, spec, sign, &d, after > 0 ? after : 0);
    }
}

/* -- %a -------------------------------------------------------------------------------------- */

static unsigned hex_digit(const uint32_t words[4], int index) { return words[index / 8] >> index % 8 * 4 & 15; }

/* Rounds the hex digits below `cut` away, to nearest and even; may carry into the digit above the highest. */
static void round_hex(uint32_t words[4], int cut) {
    int half = 4 * cut - 1;
    bool above = words[half / 32] >> half % 32 & 1, sticky = false;
    for (int i = 0; i < half; i++) sticky |= words[i / 32] >> i % 32 & 1;
    bool odd = words[4 * cut / 32] >> 4 * cut % 32 & 1;
    if (!above || !(sticky || odd)) return;
    uint64_t carry = (uint64_t)1 << 4 * cut % 32;
    for (int i = 4 * cut / 32; i < 4; i++) {
        carry += words[i];
        words[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

/* One hex digit before the point: the leading bit, or on x87 the leading four bits, as glibc shows them. */
static void format_hex(struct sink *sink, const struct spec *spec, const char *sign, const struct real *real) {
    const char *set = spec->conversion == 'a' ? "0123456789abcdef" : "0123456789ABCDEF";
    uint32_t words[4];
    int after = (real->digits + 2) / 4;         /* hex digits after the point: 13, 15 or 28 */
    if (real->digits == 64) after = 15;
    int exponent = real->exponent + 4 * after;
    bool zero = !significant_bits(real);
    memcpy(words, real->significand, sizeof words);
    if (zero) exponent = 0;
    int shown = after;
    if (spec->precision >= 0 && spec->precision < after) {
        shown = spec->precision;
        round_hex(words, after - shown);
        if (hex_digit(words, after) == 0 && after + 1 < 32 && hex_digit(words, after + 1)) { /* 0xf.8p0 became 0x10.p0 */
            words[after / 8] |= 1u << after % 8 * 4;
            exponent += 4;
        }
    } else if (spec->precision < 0) {
        while (shown && !hex_digit(words, after - shown)) shown--;
    }
    int zeros = spec->precision > after ? spec->precision - after : 0;
    char prefix[8], tail[12], *end = stpcpy(prefix, sign);
    stpcpy(end, spec->conversion == 'a' ? "0x" : "0X");
    size_t length = exponent_text(tail, spec->conversion == 'a' ? 'p' : 'P', exponent, 1);
    bool point = shown || zeros || spec->flags & ALTERNATE;
    size_t blanks = open_field(sink, spec, prefix, 1 + point + (size_t)shown + (size_t)zeros + length, true);
    char text[32];
    int n = 0;
    text[n++] = set[hex_digit(words, after)];
    if (point) text[n++] = '.';
    for (int i = 1; i <= shown; i++) text[n++] = set[hex_digit(words, after - i)];
    emit(sink, text, (size_t)n);
    emu_emit_many(sink, '0', (size_t)zeros);
    emit(sink, tail, length);
    emu_emit_many(sink, ' ', blanks);
}

HIDDEN void emu_format_real(struct sink *sink, const struct spec *spec, const struct real *real) {
    const char *sign = real->negative ? "-" : spec->flags & PLUS ? "+" : spec->flags & BLANK_SIGN ? " " : "";
    if (real->kind != REAL_FINITE) {
        bool small = spec->conversion & 32;
        const char *text = real->kind == REAL_NAN ? (small ? "nan" : "NAN") : (small ? "inf" : "INF");
        size_t blanks = open_field(sink, spec, sign, 3, false);
        emit(sink, text, 3);
        emu_emit_many(sink, ' ', blanks);
    } else if ((spec->conversion | 32) == 'a') {
        format_hex(sink, spec, sign, real);
    } else {
        format_decimal(sink, spec, sign, real);
    }
}
