/* Small things of stdlib.h, libintl.h, uchar.h, search.h and malloc.h that old or portable programs ask for. */
#include "lib.h"

int snprintf(char *restrict to, size_t size, const char *restrict format, ...);
int fprintf(void *f, const char *restrict format, ...);
extern EXPORT void *stderr;

/* -- ecvt, fcvt and gcvt: digits without a point ---------------------------------------------- */

static char *digits_only(double value, int digits, int *point, int *negative, bool after_point) {
    static char text[400];
    char shown[400];
    if (digits < 0) digits = 0;
    if (digits > 340) digits = 340;
    *negative = value < 0;
    if (value < 0) value = -value;
    if (!(value <= DBL_MAX)) {
        *point = 0;
        return strcpy(text, value != value ? "nan" : "inf");
    }
    *point = 1;
    if (after_point) {
        snprintf(shown, sizeof shown, "%.*f", digits, value);
    } else {
        snprintf(shown, sizeof shown, "%.*e", digits ? digits - 1 : 0, value);
        char *e = strchr(shown, 'e');
        if (value != 0) *point = 1 + (int)(e[1] == '-' ? -(e[2] - '0') : e[2] - '0') * 10 + (e[1] == '-' ? -(e[3] - '0') : e[3] - '0');
        if (value != 0 && e[4]) *point = 1 + (e[1] == '-' ? -1 : 1) * ((e[2] - '0') * 100 + (e[3] - '0') * 10 + (e[4] - '0'));
        *e = 0;
    }
    char *dot = strchr(shown, '.'), *to = text, *from = shown;
    if (after_point) {
        *point = dot ? (int)(dot - shown) : (int)strlen(shown);
        if (*shown == '0' && value != 0) {
            from = shown + 1 + (dot != NULL);
            for (*point = 0; *from == '0'; from++) --*point;
        }
    }
    for (; *from; from++)
        if (*from != '.') *to++ = *from;
    *to = 0;
    return text;
}
EXPORT char *ecvt(double value, int digits, int *point, int *negative) { return digits_only(value, digits, point, negative, false); }
EXPORT char *fcvt(double value, int digits, int *point, int *negative) { return digits_only(value, digits, point, negative, true); }
EXPORT char *gcvt(double value, int digits, char *to) {
    snprintf(to, 400, "%.*g", digits > 17 ? 17 : digits, value);
    return to;
}
EXPORT int strfromd(char *restrict to, size_t size, const char *restrict format, double value) { return snprintf(to, size, format, value); }
EXPORT int strfromf(char *restrict to, size_t size, const char *restrict format, float value) { return snprintf(to, size, format, (double)value); }

/* -- libintl.h: no catalogue has a translation ------------------------------------------------ */

EXPORT char *gettext(const char *text) { return (char *)text; }
EXPORT char *dgettext(const char *domain, const char *text) { return (char *)text; }
EXPORT char *dcgettext(const char *domain, const char *text, int category) { return (char *)text; }
EXPORT char *ngettext(const char *one, const char *more, unsigned long n) { return (char *)(n == 1 ? one : more); }
EXPORT char *dngettext(const char *domain, const char *one, const char *more, unsigned long n) { return ngettext(one, more, n); }
EXPORT char *dcngettext(const char *domain, const char *one, const char *more, unsigned long n, int category) { return ngettext(one, more, n); }
EXPORT char *textdomain(const char *domain) { return (char *)(domain ? domain : "messages"); }
EXPORT char *bindtextdomain(const char *domain, const char *folder) { return (char *)(folder ? folder : "/usr/share/locale"); }
EXPORT char *bind_textdomain_codeset(const char *domain, const char *codeset) { return (char *)codeset; }
ALSO(__dcgettext, dcgettext);

/* -- uchar.h ---------------------------------------------------------------------------------- */

EXPORT size_t mbrtoc32(uint32_t *restrict to, const char *restrict s, size_t n, multibyte_state *restrict state) {
    return mbrtowc((wide *)to, s, n, state);
}
EXPORT size_t c32rtomb(char *restrict s, uint32_t c, multibyte_state *restrict state) { return wcrtomb(s, (wide)c, state); }

/* -- search.h: doubly linked lists ------------------------------------------------------------- */

struct element { struct element *next, *previous; };
EXPORT void insque(void *element, void *previous) {
    struct element *e = element, *p = previous;
    *e = (struct element){p ? p->next : NULL, p};
    if (!p) return;
    p->next = e;
    if (e->next) e->next->previous = e;
}
EXPORT void remque(void *element) {
    struct element *e = element;
    if (e->next) e->next->previous = e->previous;
    if (e->previous) e->previous->next = e->next;
}

/* -- malloc.h: figures nobody keeps ------------------------------------------------------------- */

struct mallinfo { int figures[10]; };
struct mallinfo2 { size_t figures[10]; };
EXPORT struct mallinfo mallinfo(void) { return (struct mallinfo){{0}}; }
EXPORT struct mallinfo2 mallinfo2(void) { return (struct mallinfo2){{0}}; }

/* -- signal.h ----------------------------------------------------------------------------------- */

char *strsignal(int number);
EXPORT void psignal(int number, const char *text) {
    fprintf(stderr, text && *text ? "%s: %s\n" : "%s%s\n", text ? text : "", strsignal(number));
}
