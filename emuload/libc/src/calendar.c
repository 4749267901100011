/* Calendar time: the proleptic Gregorian calendar, always in UTC (there is no zone file, and TZ is not read), and the C locale's
 * words. Formats: ISO C 7.29.3.5 and POSIX strftime. */
#include <limits.h>
#include <time.h>
#include "timeconv.h"

static const char days[7][10] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char months[12][10] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
static const char zone_name[] = "UTC", gmt_name[] = "GMT";

EXPORT char *em_tzname[2] __asm__("tzname") = {(char *)zone_name, (char *)zone_name};
EXPORT long em_timezone __asm__("timezone") = 0;
EXPORT int em_daylight __asm__("daylight") = 0;
__asm__(".globl __tzname\n.type __tzname,%object\n.size __tzname,2*" EM_WORD_SIZE "\n.set __tzname,tzname\n"
        ".globl __timezone\n.type __timezone,%object\n.size __timezone," EM_WORD_SIZE "\n.set __timezone,timezone\n"
        ".globl __daylight\n.type __daylight,%object\n.size __daylight,4\n.set __daylight,daylight");
EXPORT void tzset(void) { }
ASM_ALIAS(__tzset, tzset);

/* Days from 1970-01-01 to the first of a month; eras of 400 years counted from March 1st. */
static int64_t days_to(int64_t year, int month /* 0.. */) {
    year -= month < 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * ((month + 10) % 12) + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct tm *break_down(int64_t t, struct tm *out, const char *zone) {
    int64_t day = t / 86400, second = t % 86400;
    if (second < 0) second += 86400, day--;
    int64_t shifted = day + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (int)((5 * of_year + 2) / 153);
    int month = (month_from_march + 2) % 12;
    int64_t year = year_of_era + era * 400 + (month < 2);
    if (year - 1900 > INT_MAX || year - 1900 < INT_MIN) {
        errno = EOVERFLOW;
        return 0;
    }
    *out = (struct tm){
        .tm_sec = (int)(second % 60), .tm_min = (int)(second / 60 % 60), .tm_hour = (int)(second / 3600),
        .tm_mday = (int)(of_year - (153 * month_from_march + 2) / 5 + 1), .tm_mon = month, .tm_year = (int)(year - 1900),
        .tm_wday = (int)(((day + 4) % 7 + 7) % 7), .tm_yday = (int)(day - days_to(year, 0)), .tm_isdst = 0,
    };
    out->tm_zone = zone;
    return out;
}

static int64_t count_up(struct tm *tm, const char *zone) {
    int64_t month = tm->tm_mon, year = (int64_t)tm->tm_year + 1900 + month / 12;
    month %= 12;
    if (month < 0) month += 12, year--;
    int64_t t = (days_to(year, (int)month) + tm->tm_mday - 1) * 86400 + (int64_t)tm->tm_hour * 3600 + (int64_t)tm->tm_min * 60 + tm->tm_sec;
    return break_down(t, tm, zone) ? t : -1;
}

static struct tm shared;

#if __SIZEOF_LONG__ == 8
#define TWICE(define) define(time_t, , )
#else
#define TWICE(define) define(time_t, , ) define(int64_t, __, 64)
#endif
#define NAME_(prefix, name, suffix) prefix##name##suffix

#define CALENDAR(type, p, s) \
    EXPORT struct tm *NAME_(p, gmtime, s)(const type *t) { return break_down(*t, &shared, gmt_name); } \
    EXPORT struct tm *NAME_(p, localtime, s)(const type *t) { return break_down(*t, &shared, zone_name); }
#define CALENDAR_R(type, gmtime_r_, localtime_r_) \
    EXPORT struct tm *gmtime_r_(const type *t, struct tm *out) { return break_down(*t, out, gmt_name); } \
    EXPORT struct tm *localtime_r_(const type *t, struct tm *out) { return break_down(*t, out, zone_name); }
#define COUNTING(type, mktime_, timegm_, difftime_) \
    EXPORT type mktime_(struct tm *tm) { return (type)count_up(tm, zone_name); } \
    EXPORT type timegm_(struct tm *tm) { return (type)count_up(tm, gmt_name); } \
    EXPORT double difftime_(type a, type b) { return (double)(a - b); }

TWICE(CALENDAR)
CALENDAR_R(time_t, gmtime_r, localtime_r)
COUNTING(time_t, mktime, timegm, difftime)
#if __SIZEOF_LONG__ == 4
CALENDAR_R(int64_t, __gmtime64_r, __localtime64_r)
COUNTING(int64_t, __mktime64, __timegm64, __difftime64)
ASM_ALIAS(__timegm_time64, __timegm64);
#endif
ASM_ALIAS(timelocal, mktime);

/* -- text ----------------------------------------------------------------------------------------------------- */

struct text { char *at, *end; size_t count; };
static void put(struct text *t, char c) {
    if (t->at < t->end) *t->at++ = c;
    t->count++;
}
static void put_text(struct text *t, const char *s, int limit, int upper) {
    for (; *s && limit-- > 0; s++) put(t, upper && *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s);
}
static void put_number(struct text *t, int64_t value, int width, char pad) {
    char digits[24];
    int n = 0;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[n++] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (value < 0) width--;
    if (value < 0 && pad != ' ') put(t, '-');
    if (pad)
        for (int i = n; i < width; i++) put(t, pad);
    if (value < 0 && pad == ' ') put(t, '-');
    while (n) put(t, digits[--n]);
}

static int leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* ISO 8601 week: the year it belongs to, and its number. */
static int iso_week(const struct tm *tm, int64_t *year) {
    *year = (int64_t)tm->tm_year + 1900;
    int weekday = (tm->tm_wday + 6) % 7;
    int week = (tm->tm_yday - weekday + 10) / 7;
    if (week < 1) {
        --*year;
        int length = leap(*year) ? 366 : 365;
        week = (tm->tm_yday + length - weekday + 10) / 7;
    } else if (week == 53 && tm->tm_yday - weekday + 3 >= (leap(*year) ? 366 : 365)) {
        ++*year;
        week = 1;
    }
    return week;
}

static int clamp(int v, int n) { return v >= 0 && v < n ? v : 0; }

static void format(struct text *t, const char *f, const struct tm *tm) {
    for (; *f; f++) {
        if (*f != '%') {
            put(t, *f);
            continue;
        }
        char pad = 0;
        int upper = 0, width = -1;
        for (f++;; f++) {
            if (*f == '_') pad = ' ';
            else if (*f == '-') pad = '-';
            else if (*f == '0') pad = '0';
            else if (*f == '^') upper = 1;
            else if (*f == '#') upper = 1;
            else break;
        }
        if (*f >= '1' && *f <= '9') {
            width = 0;
            while (*f >= '0' && *f <= '9') width = width * 10 + (*f++ - '0');
        }
        if (*f == 'E' || *f == 'O') f++;
        int64_t year = (int64_t)tm->tm_year + 1900, other;
        int hour12 = tm->tm_hour % 12 ? tm->tm_hour % 12 : 12;
#define NUMBER(value, wide, filler) put_number(t, value, width < 0 ? wide : width, pad == '-' ? 0 : pad ? pad : filler)
        switch (*f) {
        case 'a': put_text(t, tm->tm_wday >= 0 && tm->tm_wday < 7 ? days[tm->tm_wday] : "?", 3, upper); break;
        case 'A': put_text(t, tm->tm_wday >= 0 && tm->tm_wday < 7 ? days[tm->tm_wday] : "?", 99, upper); break;
        case 'b': case 'h': put_text(t, tm->tm_mon >= 0 && tm->tm_mon < 12 ? months[tm->tm_mon] : "?", 3, upper); break;
        case 'B': put_text(t, tm->tm_mon >= 0 && tm->tm_mon < 12 ? months[tm->tm_mon] : "?", 99, upper); break;
        case 'c': format(t, "%a %b %e %H:%M:%S %Y", tm); break;
        case 'C': NUMBER(year >= 0 ? year / 100 : -((99 - year) / 100), 2, '0'); break;
        case 'd': NUMBER(tm->tm_mday, 2, '0'); break;
        case 'D': case 'x': format(t, "%m/%d/%y", tm); break;
        case 'e': NUMBER(tm->tm_mday, 2, ' '); break;
        case 'F': format(t, "%Y-%m-%d", tm); break;
        case 'g': iso_week(tm, &other); NUMBER((other % 100 + 100) % 100, 2, '0'); break;
        case 'G': iso_week(tm, &other); NUMBER(other, 1, '0'); break;
        case 'H': NUMBER(tm->tm_hour, 2, '0'); break;
        case 'I': NUMBER(hour12, 2, '0'); break;
        case 'j': NUMBER(tm->tm_yday + 1, 3, '0'); break;
        case 'k': NUMBER(tm->tm_hour, 2, ' '); break;
        case 'l': NUMBER(hour12, 2, ' '); break;
        case 'm': NUMBER(tm->tm_mon + 1, 2, '0'); break;
        case 'M': NUMBER(tm->tm_min, 2, '0'); break;
        case 'n': put(t, '\n'); break;
        case 'p': put_text(t, tm->tm_hour >= 12 ? "PM" : "AM", 2, 0); break;
        case 'P': put_text(t, tm->tm_hour >= 12 ? "pm" : "am", 2, 0); break;
        case 'r': format(t, "%I:%M:%S %p", tm); break;
        case 'R': format(t, "%H:%M", tm); break;
        case 's': { struct tm copy = *tm; NUMBER(count_up(&copy, zone_name), 1, '0'); break; }
        case 'S': NUMBER(tm->tm_sec, 2, '0'); break;
        case 't': put(t, '\t'); break;
        case 'T': case 'X': format(t, "%H:%M:%S", tm); break;
        case 'u': NUMBER(tm->tm_wday ? tm->tm_wday : 7, 1, '0'); break;
        case 'U': NUMBER((tm->tm_yday + 7 - tm->tm_wday) / 7, 2, '0'); break;
        case 'V': NUMBER(iso_week(tm, &other), 2, '0'); break;
        case 'w': NUMBER(tm->tm_wday, 1, '0'); break;
        case 'W': NUMBER((tm->tm_yday + 7 - (tm->tm_wday + 6) % 7) / 7, 2, '0'); break;
        case 'y': NUMBER((year % 100 + 100) % 100, 2, '0'); break;
        case 'Y': NUMBER(year, 1, '0'); break;
        case 'z': put_text(t, "+0000", 5, 0); break;
        case 'Z': put_text(t, tm->tm_zone ? tm->tm_zone : "", 99, upper); break;
        case '%': put(t, '%'); break;
        case 0: put(t, '%'); return;
        default: put(t, '%'); put(t, *f); break;
        }
#undef NUMBER
    }
}

EXPORT size_t strftime(char *to, size_t room, const char *f, const struct tm *tm) {
    struct text t = {to, room ? to + room - 1 : to, 0};
    format(&t, f, tm);
    if (room == 0 || t.count >= room) {
        if (room) *to = 0;
        return 0;
    }
    *t.at = 0;
    return t.count;
}
EXPORT size_t strftime_l(char *to, size_t room, const char *f, const struct tm *tm, locale_t locale) { return strftime(to, room, f, tm); }
ASM_ALIAS(__strftime_l, strftime_l);

EXPORT char *asctime_r(const struct tm *tm, char *to) {
    struct text t = {to, to + 25, 0};
    put_text(&t, days[clamp(tm->tm_wday, 7)], 3, 0);
    put(&t, ' ');
    put_text(&t, months[clamp(tm->tm_mon, 12)], 3, 0);
    format(&t, " %_2d %H:%M:%S %Y\n", tm);
    *t.at = 0;
    return to;
}
static char shared_text[26];
EXPORT char *asctime(const struct tm *tm) { return asctime_r(tm, shared_text); }

#define TEXTS(type, ctime_, ctime_r_) \
    EXPORT char *ctime_r_(const type *t, char *to) { struct tm tm; return break_down(*t, &tm, zone_name) ? asctime_r(&tm, to) : 0; } \
    EXPORT char *ctime_(const type *t) { return ctime_r_(t, shared_text); }
TEXTS(time_t, ctime, ctime_r)
#if __SIZEOF_LONG__ == 4
TEXTS(int64_t, __ctime64, __ctime64_r)
#endif

/* -- reading --------------------------------------------------------------------------------------------------- */

static int lower(int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
static int space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static const char *read_number(const char *s, int *out, int low, int high, int digits) {
    while (space(*s)) s++;
    int negative = 0, value = 0, n = 0;
    if (*s == '+' || *s == '-') negative = *s++ == '-';
    while (n < digits && *s >= '0' && *s <= '9') value = value * 10 + (*s++ - '0'), n++;
    if (negative) value = -value;
    if (!n || value < low || value > high) return 0;
    *out = value;
    return s;
}
static const char *read_word(const char *s, const char (*words)[10], int count, int *out) {
    for (int i = 0; i < count; i++) {
        int n = 0;
        while (words[i][n] && lower(s[n]) == lower(words[i][n])) n++;
        if (!words[i][n] || n >= 3) {
            *out = i;
            return s + (words[i][n] ? 3 : n);
        }
    }
    return 0;
}

EXPORT char *strptime(const char *s, const char *f, struct tm *tm) {
    int afternoon = -1, century = -1, number = 0;
    for (; *f; f++) {
        if (space(*f)) {
            while (space(*s)) s++;
            continue;
        }
        if (*f != '%') {
            if (*s++ != *f) return 0;
            continue;
        }
        f++;
        if (*f == 'E' || *f == 'O') f++;
        switch (*f) {
        case 'a': case 'A': s = read_word(s, days, 7, &tm->tm_wday); break;
        case 'b': case 'B': case 'h': s = read_word(s, months, 12, &tm->tm_mon); break;
        case 'c': s = strptime(s, "%a %b %e %H:%M:%S %Y", tm); break;
        case 'C': s = read_number(s, &century, 0, 99, 2); break;
        case 'd': case 'e': s = read_number(s, &tm->tm_mday, 1, 31, 2); break;
        case 'D': case 'x': s = strptime(s, "%m/%d/%y", tm); break;
        case 'F': s = strptime(s, "%Y-%m-%d", tm); break;
        case 'H': case 'k': s = read_number(s, &tm->tm_hour, 0, 23, 2); break;
        case 'I': case 'l': s = read_number(s, &tm->tm_hour, 1, 12, 2); if (s) tm->tm_hour %= 12; break;
        case 'j': s = read_number(s, &tm->tm_yday, 1, 366, 3); if (s) tm->tm_yday--; break;
        case 'm': s = read_number(s, &tm->tm_mon, 1, 12, 2); if (s) tm->tm_mon--; break;
        case 'M': s = read_number(s, &tm->tm_min, 0, 59, 2); break;
        case 'n': case 't': while (space(*s)) s++; break;
        case 'p': {
            int c = lower(*s);
            if ((c != 'a' && c != 'p') || lower(s[1]) != 'm') return 0;
            afternoon = c == 'p';
            s += 2;
            break;
        }
        case 'r': s = strptime(s, "%I:%M:%S %p", tm); break;
        case 'R': s = strptime(s, "%H:%M", tm); break;
        case 's': {
            int64_t t = 0;
            const char *start = s;
            while (*s >= '0' && *s <= '9') t = t * 10 + (*s++ - '0');
            if (s == start || !break_down(t, tm, zone_name)) return 0;
            break;
        }
        case 'S': s = read_number(s, &tm->tm_sec, 0, 60, 2); break;
        case 'T': case 'X': s = strptime(s, "%H:%M:%S", tm); break;
        case 'u': s = read_number(s, &tm->tm_wday, 1, 7, 1); if (s) tm->tm_wday %= 7; break;
        case 'w': s = read_number(s, &tm->tm_wday, 0, 6, 1); break;
        case 'U': case 'V': case 'W': s = read_number(s, &number, 0, 53, 2); break;
        case 'y': s = read_number(s, &number, 0, 99, 2); if (s) tm->tm_year = number < 69 ? number + 100 : number; break;
        case 'Y': s = read_number(s, &number, -9999, 9999, 4); if (s) tm->tm_year = number - 1900; break;
        case 'z': {
            if (*s == 'Z') { s++; break; }
            int sign = *s == '-' ? -1 : *s == '+' ? 1 : 0;
            if (!sign) return 0;
            int digits = 0, value = 0;
            for (s++; digits < 4 && *s; s++) {
                if (*s == ':' && digits == 2) continue;
                if (*s < '0' || *s > '9') break;
                value = value * 10 + (*s - '0'), digits++;
            }
            if (digits == 2) value *= 100;
            else if (digits != 4) return 0;
            tm->tm_gmtoff = sign * (value / 100 * 3600 + value % 100 * 60);
            break;
        }
        case 'Z': while ((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')) s++; break;
        case '%': if (*s++ != '%') return 0; break;
        default: return 0;
        }
        if (!s) return 0;
    }
    if (afternoon >= 0) tm->tm_hour = tm->tm_hour % 12 + 12 * afternoon;
    if (century >= 0) tm->tm_year = tm->tm_year % 100 + (century - 19) * 100;
    return (char *)s;
}
