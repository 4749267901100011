/* locale.h and langinfo.h: the C locale, and C.UTF-8, which differs in its multibyte characters only. */
#include "lib.h"

enum { CATEGORIES = 13, CTYPE = 0, ALL = 6 };

/* The layout of glibc's struct __locale_struct, whose tables isalpha_l and its relatives read inline. */
struct locale {
    void *categories[CATEGORIES];
    const uint16_t *classes;
    const int32_t *lower, *upper;
    const char *names[CATEGORIES];
    bool utf8;
};

extern HIDDEN const uint16_t *const emu_ctype_classes;
extern HIDDEN const int32_t *const emu_ctype_lower;
extern HIDDEN const int32_t *const emu_ctype_upper;

static bool global_utf8;

HIDDEN bool emu_locale_utf8(void) { return global_utf8; }

/* -1: no such locale. */
static int parse_name(const char *name) {
    if (!*name) {
        name = getenv("LC_ALL");
        if (!name || !*name) name = getenv("LC_CTYPE");
        if (!name || !*name) name = getenv("LANG");
        if (!name || !*name) name = "C";
    }
    if (!strcmp(name, "C") || !strcmp(name, "POSIX")) return 0;
    if (!strcasecmp(name, "C.UTF-8") || !strcasecmp(name, "C.utf8")) return 1;
    return -1;
}

EXPORT char *setlocale(int category, const char *name) {
    if ((unsigned)category >= CATEGORIES) {
        errno = EINVAL;
        return NULL;
    }
    bool affects = category == CTYPE || category == ALL;
    if (name) {
        int utf8 = parse_name(name);
        if (utf8 < 0) return NULL;
        if (affects) global_utf8 = utf8;
        else return (char *)(utf8 ? "C.UTF-8" : "C");
    }
    return (char *)(affects && global_utf8 ? "C.UTF-8" : "C");
}

struct lconv {
    char *decimal_point, *thousands_sep, *grouping, *int_curr_symbol, *currency_symbol, *mon_decimal_point,
        *mon_thousands_sep, *mon_grouping, *positive_sign, *negative_sign;
    char small[14];
};

EXPORT struct lconv *localeconv(void) {
    static struct lconv c;
    char **texts = &c.decimal_point;
    for (int i = 0; i < 10; i++) texts[i] = (char *)"";
    c.decimal_point = (char *)".";
    memset(c.small, CHAR_MAX, sizeof c.small);
    return &c;
}

static struct locale c_locale, utf8_locale;

static struct locale *ready(struct locale *l, bool utf8) {
    l->classes = emu_ctype_classes;
    l->lower = emu_ctype_lower;
    l->upper = emu_ctype_upper;
    for (int i = 0; i < CATEGORIES; i++) l->names[i] = utf8 ? "C.UTF-8" : "C";
    l->utf8 = utf8;
    return l;
}

EXPORT struct locale *newlocale(int mask, const char *name, struct locale *base) {
    int utf8 = name ? parse_name(name) : -1;
    if (utf8 < 0) {
        errno = name ? ENOENT : EINVAL;
        return NULL;
    }
    return utf8 ? ready(&utf8_locale, true) : ready(&c_locale, false);
}
EXPORT void freelocale(struct locale *l) {}
EXPORT struct locale *duplocale(struct locale *l) {
    return l == (struct locale *)-1 ? ready(global_utf8 ? &utf8_locale : &c_locale, global_utf8) : l;
}
/* Which locale is in use is one setting for the process; uselocale accepts the two there are. */
EXPORT struct locale *uselocale(struct locale *l) {
    struct locale *old = (struct locale *)-1;
    if (l && l != old) global_utf8 = l->utf8;
    return old;
}
ALSO(__newlocale, newlocale);
ALSO(__freelocale, freelocale);
ALSO(__duplocale, duplocale);
ALSO(__uselocale, uselocale);

EXPORT size_t __ctype_get_mb_cur_max(void) { return global_utf8 ? 6 : 1; }

/* Items are numbered category << 16 | index, as in <langinfo.h>. */
EXPORT char *nl_langinfo(int item) {
    static const char *const times[] = {
        "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat",
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
        "AM", "PM", "%a %b %e %H:%M:%S %Y", "%m/%d/%y", "%H:%M:%S", "%I:%M:%S %p",
    };
    unsigned category = (unsigned)item >> 16, index = (unsigned)item & 0xffff;
    if (category == 2 && index < sizeof times / sizeof *times) return (char *)times[index];
    if (item == 14) return (char *)(global_utf8 ? "UTF-8" : "ANSI_X3.4-1968"); /* CODESET */
    if (item == 0x10000) return (char *)"."; /* RADIXCHAR */
    if (item == 0x50000) return (char *)"^[yY]"; /* YESEXPR */
    if (item == 0x50001) return (char *)"^[nN]"; /* NOEXPR */
    if (item == 0x4000f) return (char *)"-"; /* CRNCYSTR */
    return (char *)"";
}
EXPORT char *nl_langinfo_l(int item, struct locale *l) { return nl_langinfo(item); }
ALSO(__nl_langinfo_l, nl_langinfo_l);
