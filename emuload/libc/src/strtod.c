/* stdlib.h: floating-point numbers from text, correctly rounded (to nearest, ties to even).
 *
 * A short number with a small exponent is one exact multiplication or division (Clinger, "How to Read Floating
 * Point Numbers Accurately"). All others become big integers: digits x 5^e is kept whole, or divided
 * by 5^-e down to two bits more than the format has and a flag that says whether anything was left over. */
#include "lib.h"

struct format {
    int digits;              /* significand bits */
    int least, most;         /* exponents of the leading bit of normal numbers */
    int decimals;            /* more significant decimal digits than this never decide a tie */
    int low, high;           /* powers of ten beyond which every number is zero or infinite */
    bool tiny_after_rounding; /* how underflow is detected: IEEE 754 lets the machine choose */
};
#if defined(__x86_64__)
enum { TINY_AFTER = true };
#else
enum { TINY_AFTER = false };
#endif
static const struct format single = {24, -126, 127, 114, -60, 50, TINY_AFTER};
static const struct format binary64 = {53, -1022, 1023, 770, -345, 320, TINY_AFTER};
#if LDBL_MANT_DIG == 64
static const struct format extended = {64, -16382, 16383, 11520, -4970, 4950, TINY_AFTER};
#elif LDBL_MANT_DIG == 113
static const struct format extended = {113, -16382, 16383, 11570, -4990, 4950, TINY_AFTER};
#endif

/* A result: significand x 2^exponent, of at most format->digits bits, low word first. */
struct rounded {
    uint32_t significand[4];
    int exponent;
    bool infinite;
};

/* -- big integers, little endian ------------------------------------------------------------- */

struct big { uint32_t *words; int size; };

static void multiply_add(struct big *b, uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;
    for (int i = 0; i < b->size; i++) {
        carry += (uint64_t)b->words[i] * factor;
        b->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) b->words[b->size++] = (uint32_t)carry;
}

static void multiply_power_of_5(struct big *b, int power) {
    for (; power >= 13; power -= 13) multiply_add(b, 1220703125, 0);
    uint32_t rest = 1;
    while (power--) rest *= 5;
    multiply_add(b, rest, 0);
}

static int bit_length(const struct big *b) {
    return b->size ? 32 * b->size - __builtin_clz(b->words[b->size - 1]) : 0;
}

static void shift_left(struct big *b, int bits) {
    int words = bits / 32, rest = bits % 32;
    if (!b->size) return;
    b->words[b->size] = 0;
    for (int i = b->size; i >= 0; i--) {
        uint64_t pair = (uint64_t)b->words[i] << 32 | (i ? b->words[i - 1] : 0);
        b->words[i + words] = (uint32_t)(pair >> (32 - rest));
    }
    for (int i = 0; i < words; i++) b->words[i] = 0;
    b->size += words + 1;
    while (b->size && !b->words[b->size - 1]) b->size--;
}

/* n / d in place for a quotient of few words (Knuth, 4.3.1 D; d's top bit set). The quotient goes to q[0 … count-1]; n keeps the rest. */
static void divide(uint32_t *q, int count, struct big *n, const struct big *d) {
    uint32_t top = d->words[d->size - 1], second = d->size > 1 ? d->words[d->size - 2] : 0;
    while (n->size < d->size + count) n->words[n->size++] = 0;
    for (int i = count; i-- > 0;) {
        uint32_t *at = n->words + i;
        uint64_t high = (uint64_t)at[d->size] << 32 | at[d->size - 1];
        uint64_t guess = at[d->size] >= top ? UINT32_MAX : high / top;
        uint64_t left = high - guess * top;
        uint32_t third = d->size > 1 ? at[d->size - 2] : 0;
        while (left <= UINT32_MAX && guess * second > (left << 32 | third)) guess--, left += top;
        uint64_t carry = 0;
        int64_t borrow = 0;
        for (int j = 0; j < d->size; j++) {
            carry += guess * d->words[j];
            int64_t difference = (int64_t)at[j] - (int64_t)(uint32_t)carry + borrow;
            at[j] = (uint32_t)difference;
            borrow = difference >> 32;
            carry >>= 32;
        }
        int64_t difference = (int64_t)at[d->size] - (int64_t)carry + borrow;
        at[d->size] = (uint32_t)difference;
        if (difference < 0) { /* the guess was one too large */
            guess--;
            uint64_t sum = 0;
            for (int j = 0; j < d->size; j++) {
                sum += (uint64_t)at[j] + d->words[j];
                at[j] = (uint32_t)sum;
                sum >>= 32;
            }
            at[d->size] += (uint32_t)sum;
        }
        q[i] = (uint32_t)guess;
    }
}

/* -- rounding -------------------------------------------------------------------------------- */

static bool bit_at(const struct big *b, int i) { return i >= 0 && i < 32 * b->size && b->words[i / 32] >> i % 32 & 1; }
static bool bits_below(const struct big *b, int n) {
    for (int i = 0; i < b->size && 32 * i < n; i++) {
        uint32_t mask = n - 32 * i >= 32 ? UINT32_MAX : (1u << (n - 32 * i)) - 1;
        if (b->words[i] & mask) return true;
    }
    return false;
}
static void bits_from(uint32_t out[4], const struct big *b, int from, int count) {
    for (int i = 0; i < 4; i++) {
        int at = from + 32 * i, w = at >= 0 ? at / 32 : -((31 - at) / 32);
        uint64_t pair = w >= 0 && w < b->size ? b->words[w] : 0;
        if (w + 1 >= 0 && w + 1 < b->size) pair |= (uint64_t)b->words[w + 1] << 32;
        out[i] = (uint32_t)(pair >> (at - 32 * w));
        if (count < 32 * i + 32) out[i] &= count <= 32 * i ? 0 : (1u << (count - 32 * i)) - 1;
    }
}
static bool increment(uint32_t words[4]) {
    for (int i = 0; i < 4; i++)
        if (++words[i]) return true;
    return false;
}

/* b x 2^exponent, plus a little when sticky, in the format; ERANGE on overflow and on inexact underflow. */
static void round_to(struct rounded *r, const struct big *b, int exponent, bool sticky, const struct format *format) {
    int length = bit_length(b), leading = length - 1 + exponent;
    *r = (struct rounded){.exponent = 0};
    if (leading > format->most) {
        r->infinite = true;
        errno = ERANGE;
        return;
    }
    bool tiny = leading < format->least;
    int lowest = (tiny ? format->least : leading) - format->digits + 1;
    int drop = lowest - exponent; /* bits of b below the result's lowest bit; below zero: none */
    bool half = bit_at(b, drop - 1), rest = sticky || (drop > 0 && bits_below(b, drop - 1));
    if (drop < -160) drop = -160;
    bits_from(r->significand, b, drop, length - drop > 0 ? length - drop : 0);
    r->exponent = lowest;
    if (half && (rest || r->significand[0] & 1)) increment(r->significand);
    int digits = format->digits;
    bool carried = r->significand[digits / 32] >> digits % 32 & 1;
    if (carried) { /* 1…1 became 1 0…0, one bit longer */
        memset(r->significand, 0, sizeof r->significand);
        r->significand[(digits - 1) / 32] = 1u << (digits - 1) % 32;
        r->exponent++;
        if (leading == format->most) {
            r->infinite = true;
            errno = ERANGE;
        }
    }
    if (tiny && (half || rest)) {
        bool became_normal = r->significand[(digits - 1) / 32] >> (digits - 1) % 32 & 1;
        if (became_normal && format->tiny_after_rounding) {
            /* With one more bit of precision, would it still have rounded up to the least normal number? */
            if (half && bit_at(b, drop - 2)) return;
        }
        errno = ERANGE;
    }
}

/* -- decimal numbers ------------------------------------------------------------------------- */

struct digits {
    const char *at;    /* first significant digit; a point may lie among them */
    int count;         /* of digits to take from there */
    bool sticky;       /* a digit left out was not zero */
    int64_t power;     /* the last digit taken counts 10^power */
};

static void collect(struct big *b, const struct digits *d) {
    static const uint32_t powers[10] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
    uint32_t chunk = 0;
    int in_chunk = 0;
    const char *at = d->at;
    for (int i = 0; i < d->count; at++) {
        if (!is_digit((unsigned char)*at)) continue;
        chunk = chunk * 10 + (uint32_t)(*at - '0');
        i++;
        if (++in_chunk == 9 || i == d->count) {
            multiply_add(b, powers[in_chunk], chunk);
            chunk = 0;
            in_chunk = 0;
        }
    }
    if (d->sticky) multiply_add(b, 10, 1);
}

static void convert_decimal(struct rounded *r, const struct digits *d, const struct format *format) {
    int64_t highest = d->count + d->power;
    if (!d->count) {
        *r = (struct rounded){.exponent = 0};
        return;
    }
    if (highest > format->high || highest < format->low) {
        *r = (struct rounded){.infinite = highest > 0};
        errno = ERANGE;
        return;
    }
    int power = (int)d->power - d->sticky, count = d->count + d->sticky;
    int digit_words = count * 10 / 96 + 2;
    int five_words = (power < 0 ? -power : power) * 7 / 96 + 2; /* 5^96 < 2^224 */
    if (power >= 0) {
        uint32_t words[digit_words + five_words + 6];
        struct big b = {words, 0};
        collect(&b, d);
        multiply_power_of_5(&b, power);
        round_to(r, &b, power, false, format);
        return;
    }
    int room = (digit_words > five_words ? digit_words : five_words) + 12;
    uint32_t numerator[room], denominator[room], quotient[6] = {0};
    struct big n = {numerator, 0}, f = {denominator, 1};
    collect(&n, d);
    denominator[0] = 1;
    multiply_power_of_5(&f, -power);
    /* Scale so that the quotient has between digits + 2 and digits + 3 bits, and the divisor its top bit set. */
    int up = format->digits + 3 - (bit_length(&n) - bit_length(&f)), normal = -bit_length(&f) & 31;
    if (up < 0) {
        int extra = -up;
        shift_left(&f, extra);
        normal = -bit_length(&f) & 31;
    } else if (up) {
        shift_left(&n, up);
    }
    shift_left(&f, normal);
    shift_left(&n, normal);
    int words = (format->digits + 4 + 31) / 32;
    divide(quotient, words, &n, &f);
    bool rest = bits_below(&n, 32 * n.size);
    struct big q = {quotient, words};
    while (q.size && !quotient[q.size - 1]) q.size--;
    round_to(r, &q, power - up, rest, format);
}

/* -- reading --------------------------------------------------------------------------------- */

static bool matches(const char *s, const char *word) {
    for (; *word; s++, word++)
        if ((*s | 32) != *word) return false;
    return true;
}

/* "e+5" at s: its value, and where it ends (s itself without an exponent). */
static int64_t read_exponent(const char **s, char letter) {
    const char *at = *s;
    if ((*at | 32) != letter) return 0;
    at++;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+') at++;
    if (!is_digit((unsigned char)*at)) return 0;
    int64_t value = 0;
    for (; is_digit((unsigned char)*at); at++)
        if (value < INT64_MAX / 100) value = value * 10 + (*at - '0');
    *s = at;
    return negative ? -value : value;
}

/* A decimal number at s, its digits found but not read. NULL: no number. */
static const char *scan_decimal(const char *s, struct digits *d, const struct format *format) {
    bool any = false, point = false;
    int64_t taken = 0, used = 0, after_point = 0; /* digits since the first nonzero one; those up to the last nonzero one */
    *d = (struct digits){.at = s};
    for (;; s++) {
        if (*s == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit((unsigned char)*s)) break;
        any = true;
        after_point += point;
        if (*s == '0' && !taken) continue;
        if (!taken++) d->at = s;
        if (*s == '0') continue;
        if (taken <= format->decimals) used = taken;
        else d->sticky = true;
    }
    if (!any) return NULL;
    if (d->sticky) used = format->decimals;
    /* The last digit used is `taken - used` places before the last digit seen, which counts 10^-after_point. */
    d->count = (int)used;
    d->power = taken - used - after_point + read_exponent(&s, 'e');
    return s;
}

/* A hexadecimal number after its 0x. NULL: no number. */
static const char *scan_hex(const char *s, struct rounded *r, const struct format *format) {
    uint32_t words[8] = {0};
    struct big b = {words, 0};
    bool any = false, point = false, sticky = false;
    int64_t exponent = 0;
    for (;; s++) {
        unsigned digit = digit_value((unsigned char)*s);
        if (*s == '.' && !point) {
            point = true;
            continue;
        }
        if (digit >= 16) break;
        any = true;
        if (bit_length(&b) > 128) {
            sticky |= digit != 0;
            exponent += point ? 0 : 4;
        } else {
            multiply_add(&b, 16, digit);
            exponent -= point ? 4 : 0;
        }
    }
    if (!any) return NULL;
    exponent += read_exponent(&s, 'p');
    if (exponent > 1 << 20) exponent = 1 << 20;
    if (exponent < -(1 << 20)) exponent = -(1 << 20);
    if (b.size) round_to(r, &b, (int)exponent, sticky, format);
    else *r = (struct rounded){.exponent = 0};
    return s;
}

enum special { NUMBER, INFINITE, NOT_A_NUMBER };
struct parsed {
    struct rounded number;
    struct digits digits; /* of a decimal number, which is still to be converted */
    enum special special;
    uint64_t payload;
    bool negative, decimal;
};

static const char *scan_nan(const char *s, uint64_t *payload) {
    const char *at = s;
    *payload = 0;
    if (*at != '(') return s;
    do at++;
    while (is_digit((unsigned char)*at) || is_alpha((unsigned char)*at) || *at == '_');
    if (*at != ')') return s;
    char *end;
    int kept = errno;
    uint64_t value = emu_parse_integer(s + 1, &end, 0, UINT64_MAX, UINT64_MAX, false);
    errno = kept;
    if (end == at) *payload = value;
    return at + 1;
}

static void parse(const char *s, char **end, struct parsed *p, const struct format *format) {
    const char *at = s, *after = NULL;
    *p = (struct parsed){.special = NUMBER};
    while (is_space((unsigned char)*at)) at++;
    if (*at == '-' || *at == '+') p->negative = *at++ == '-';
    if (matches(at, "inf")) {
        p->special = INFINITE;
        after = at + (matches(at + 3, "inity") ? 8 : 3);
    } else if (matches(at, "nan")) {
        p->special = NOT_A_NUMBER;
        after = scan_nan(at + 3, &p->payload);
    } else {
        if (*at == '0' && (at[1] | 32) == 'x') after = scan_hex(at + 2, &p->number, format);
        if (!after) {
            after = scan_decimal(at, &p->digits, format);
            p->decimal = after != NULL;
        }
    }
    if (!after) p->negative = false;
    if (end) *end = (char *)(after ? after : s);
}

/* Powers of ten a double holds exactly. */
static const double exact_powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool quick_double(const struct digits *d, double *value) {
    if (d->count > 15 || d->sticky || d->power > 22 || d->power < -22) return false;
    uint64_t whole = 0;
    const char *at = d->at;
    for (int i = 0; i < d->count; at++)
        if (is_digit((unsigned char)*at)) whole = whole * 10 + (uint64_t)(*at - '0'), i++;
    double exact = (double)(int64_t)whole;
    *value = d->power < 0 ? exact / exact_powers[-d->power] : exact * exact_powers[d->power];
    return true;
}

static uint64_t low_64(const uint32_t words[4]) { return words[0] | (uint64_t)words[1] << 32; }

/* The biased exponent of what round_to made: 0 for subnormal numbers and zero. */
static unsigned biased(const struct rounded *r, const struct format *format) {
    int digits = format->digits;
    bool normal = r->significand[(digits - 1) / 32] >> (digits - 1) % 32 & 1;
    return normal ? (unsigned)(r->exponent + digits - 1 + format->most) : 0;
}

EXPORT double strtod(const char *restrict s, char **restrict end) {
    union { uint64_t bits; double value; } u;
    struct parsed p;
    parse(s, end, &p, &binary64);
    if (p.decimal && quick_double(&p.digits, &u.value)) return p.negative ? -u.value : u.value;
    if (p.decimal) convert_decimal(&p.number, &p.digits, &binary64);
    if (p.special == NOT_A_NUMBER) u.bits = 0x7ff8ull << 48 | (p.payload & ((1ull << 51) - 1));
    else if (p.special == INFINITE || p.number.infinite) u.bits = 0x7ffull << 52;
    else u.bits = (low_64(p.number.significand) & ((1ull << 52) - 1)) | (uint64_t)biased(&p.number, &binary64) << 52;
    u.bits |= (uint64_t)p.negative << 63;
    return u.value;
}

EXPORT float strtof(const char *restrict s, char **restrict end) {
    union { uint32_t bits; float value; } u;
    struct parsed p;
    parse(s, end, &p, &single);
    if (p.decimal) convert_decimal(&p.number, &p.digits, &single);
    if (p.special == NOT_A_NUMBER) u.bits = 0x7fc00000 | ((uint32_t)p.payload & 0x3fffff);
    else if (p.special == INFINITE || p.number.infinite) u.bits = 0x7f800000;
    else u.bits = (p.number.significand[0] & 0x7fffff) | biased(&p.number, &single) << 23;
    u.bits |= (uint32_t)p.negative << 31;
    return u.value;
}

#if LDBL_MANT_DIG == 53
EXPORT long double strtold(const char *restrict s, char **restrict end) { return strtod(s, end); }
#else
EXPORT long double strtold(const char *restrict s, char **restrict end) {
    union { struct { uint64_t low, high; } bits; long double value; } u = {{0, 0}};
    struct parsed p;
    parse(s, end, &p, &extended);
    if (p.decimal) convert_decimal(&p.number, &p.digits, &extended);
    bool infinite = p.special == INFINITE || p.number.infinite, nan = p.special == NOT_A_NUMBER;
    uint64_t top = infinite || nan ? 0x7fff : biased(&p.number, &extended);
    top |= (uint64_t)p.negative << 15;
#if LDBL_MANT_DIG == 64
    u.bits.low = nan ? 3ull << 62 | (p.payload & ((1ull << 62) - 1)) : infinite ? 1ull << 63 : low_64(p.number.significand);
    u.bits.high = top;
#else
    u.bits.low = nan ? p.payload : infinite ? 0 : low_64(p.number.significand);
    u.bits.high = (nan ? 1ull << 47 : infinite ? 0 : low_64(p.number.significand + 2) & ((1ull << 48) - 1)) | top << 48;
#endif
    return u.value;
}
#endif

EXPORT double atof(const char *s) { return strtod(s, NULL); }
EXPORT double strtod_l(const char *restrict s, char **restrict end, void *locale) { return strtod(s, end); }
EXPORT float strtof_l(const char *restrict s, char **restrict end, void *locale) { return strtof(s, end); }
EXPORT long double strtold_l(const char *restrict s, char **restrict end, void *locale) { return strtold(s, end); }
ALSO(__strtod_l, strtod_l);
ALSO(__strtof_l, strtof_l);
ALSO(__strtold_l, strtold_l);
EXPORT double __strtod_internal(const char *s, char **end, int group) { return strtod(s, end); }
EXPORT float __strtof_internal(const char *s, char **end, int group) { return strtof(s, end); }
EXPORT long double __strtold_internal(const char *s, char **end, int group) { return strtold(s, end); }
#if LDBL_MANT_DIG == 113
ALSO(strtof128, strtold);
#endif
ALSO(strtof64, strtod);
ALSO(strtof32x, strtod);
ALSO(strtof32, strtof);
ALSO(strtof64x, strtold);
