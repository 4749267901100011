/* Shared by the text, number and memory half of the C library: word access, prototypes, small
 * helpers. Only freestanding headers are used, so that no system header redirects a name
 * (strtol to __isoc23_strtol, for example) under a definition. */
#ifndef EMU_LIB_H
#define EMU_LIB_H

#include <float.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <asm/unistd.h>
#include "internal.h"

/* A second exported name for a function of the same file. */
#define ALSO(name, original) extern __typeof(original) name ALIAS(original)

typedef ptrdiff_t ssize_t;

/* -- words ----------------------------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__aarch64__) || defined(__ARM_FEATURE_UNALIGNED)
#define UNALIGNED_WORDS 1 /* an unaligned load is one plain instruction */
#else
#define UNALIGNED_WORDS 0
#endif

typedef uintptr_t word;
typedef uintptr_t __attribute__((may_alias)) alias_word;
struct loose_word { word value; } __attribute__((packed, may_alias));
struct loose_32 { uint32_t value; } __attribute__((packed, may_alias));
struct loose_16 { uint16_t value; } __attribute__((packed, may_alias));

enum { WORD = sizeof(word) };
#define WORD_ONES ((word)-1 / 255)
#define WORD_HIGHS (WORD_ONES * 128)

static inline word load_word(const void *p) { return ((const struct loose_word *)p)->value; }
static inline void store_word(void *p, word v) { ((struct loose_word *)p)->value = v; }
static inline uint32_t load_32(const void *p) { return ((const struct loose_32 *)p)->value; }
static inline void store_32(void *p, uint32_t v) { ((struct loose_32 *)p)->value = v; }
static inline uint16_t load_16(const void *p) { return ((const struct loose_16 *)p)->value; }
static inline void store_16(void *p, uint16_t v) { ((struct loose_16 *)p)->value = v; }

/* Nonzero when some byte of w is zero; the lowest set bit marks the first such byte (little endian). */
static inline word zero_byte(word w) { return (w - WORD_ONES) & ~w & WORD_HIGHS; }
static inline unsigned first_marked(word marks) {
    return (unsigned)(WORD == 8 ? __builtin_ctzll(marks) : __builtin_ctzl(marks)) / 8;
}

/* -- string.h -------------------------------------------------------------------------------- */

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
void *memrchr(const void *s, int c, size_t n);
void *memmem(const void *haystack, size_t size, const void *needle, size_t wanted);
void *mempcpy(void *restrict to, const void *restrict from, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
char *strchr(const char *s, int c);
char *strchrnul(const char *s, int c);
char *strrchr(const char *s, int c);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
int strcasecmp(const char *a, const char *b);
int strncasecmp(const char *a, const char *b, size_t n);
char *strcpy(char *restrict to, const char *restrict from);
char *stpcpy(char *restrict to, const char *restrict from);
char *strdup(const char *s);
size_t strspn(const char *s, const char *accept);
size_t strcspn(const char *s, const char *reject);
char *strerror(int number);
HIDDEN const char *emu_error_text(int number); /* NULL when the number names no error */

/* -- stdlib.h -------------------------------------------------------------------------------- */

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *p, size_t size);
void free(void *p);
/* The malloc family as the program sees it, for memory that it will free itself (strdup, getline, asprintf):
 * start-up code puts interposed functions here when the program brings its own. The library's own memory comes from em_malloc. */
struct emu_heap {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
};
extern HIDDEN struct emu_heap emu_heap;
NORETURN void abort(void);
NORETURN void exit(int status);
HIDDEN NORETURN void emu_fortify_fail(void); /* "*** buffer overflow detected ***: terminated" */
char *getenv(const char *name);

/* -- ctype.h, C locale ----------------------------------------------------------------------- */

static inline bool is_digit(int c) { return (unsigned)c - '0' < 10; }
static inline bool is_space(int c) { return c == ' ' || (unsigned)c - '\t' < 5; }
static inline bool is_upper(int c) { return (unsigned)c - 'A' < 26; }
static inline bool is_lower(int c) { return (unsigned)c - 'a' < 26; }
static inline bool is_alpha(int c) { return ((unsigned)c | 32) - 'a' < 26; }
static inline int to_lower(int c) { return is_upper(c) ? c + 32 : c; }
static inline int to_upper(int c) { return is_lower(c) ? c - 32 : c; }
/* The value of c as a digit of a base up to 36, or 99. */
static inline unsigned digit_value(int c) {
    return is_digit(c) ? (unsigned)c - '0' : is_alpha(c) ? ((unsigned)c | 32) - 'a' + 10 : 99;
}

/* -- wide characters ------------------------------------------------------------------------- */

typedef __WCHAR_TYPE__ wide;
/* mbstate_t is eight bytes in glibc and in musl: the bits gathered so far and how many bytes are missing. */
typedef struct { uint32_t missing, partial; } multibyte_state;
size_t mbrtowc(wide *restrict to, const char *restrict s, size_t n, multibyte_state *restrict state);
size_t wcrtomb(char *restrict s, wide c, multibyte_state *restrict state);
HIDDEN bool emu_locale_utf8(void);
HIDDEN size_t emu_encode_utf8(char *s, uint32_t value); /* whatever the locale; up to four bytes */

/* -- numbers --------------------------------------------------------------------------------- */

HIDDEN uint64_t emu_parse_integer(const char *s, char **end, int base, uint64_t negative_limit,
                                  uint64_t positive_limit, bool binary_prefix);

#endif
