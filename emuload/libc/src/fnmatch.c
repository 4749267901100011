/* fnmatch.h: shell patterns. fnmatch(3); bytes, C locale. */
#include "lib.h"

enum { PATHNAME = 1, NO_ESCAPE = 2, PERIOD = 4, LEADING_FOLDER = 8, ANY_CASE = 16, NO_MATCH = 1 };

struct matching {
    const char *start; /* of the string */
    int flags;
};

static int folded(const struct matching *m, char c) {
    return m->flags & ANY_CASE ? to_lower((unsigned char)c) : (unsigned char)c;
}

/* True if the character at s is a leading period that only a period matches. */
static bool guarded(const struct matching *m, const char *s) {
    return m->flags & PERIOD && *s == '.' && (s == m->start || (m->flags & PATHNAME && s[-1] == '/'));
}

static bool in_class(const char *name, size_t length, int c) {
    int upper = is_upper(c), lower = is_lower(c), digit = is_digit(c);
    struct { const char *name; bool member; } classes[] = {
        {"alpha", upper || lower}, {"digit", digit}, {"alnum", upper || lower || digit}, {"upper", upper}, {"lower", lower},
        {"space", is_space(c)}, {"blank", c == ' ' || c == '\t'}, {"cntrl", c < 32 || c == 127}, {"print", c >= 32 && c < 127},
        {"graph", c > 32 && c < 127}, {"punct", c > 32 && c < 127 && !upper && !lower && !digit}, {"xdigit", digit_value(c) < 16},
    };
    for (unsigned i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strlen(classes[i].name) == length && !strncmp(classes[i].name, name, length)) return classes[i].member;
    return false;
}

/* A bracket expression after its "[": 1 matches, 0 does not, -1: no bracket expression ("[" is a plain character). *end is after it. */
static int bracket(const struct matching *m, const char *p, char character, const char **end) {
    bool invert = *p == '!' || *p == '^', found = false;
    int c = folded(m, character);
    const char *first = p += invert;
    for (; *p != ']' || p == first; p++) {
        if (!*p || (*p == '/' && m->flags & PATHNAME)) return -1;
        if (*p == '[' && p[1] == ':') {
            const char *name = p + 2, *close = strchr(name, ':');
            if (close && close[1] == ']') {
                size_t length = (size_t)(close - name);
                found |= in_class(name, length, (unsigned char)character);
                if (m->flags & ANY_CASE && (length == 5 && (!strncmp(name, "upper", 5) || !strncmp(name, "lower", 5))))
                    found |= is_alpha((unsigned char)character);
                p = close + 1;
                continue;
            }
        }
        if (*p == '\\' && !(m->flags & NO_ESCAPE) && p[1]) p++;
        int low = folded(m, *p), high = low;
        if (p[1] == '-' && p[2] != ']' && p[2]) {
            p += 2;
            if (*p == '\\' && !(m->flags & NO_ESCAPE) && p[1]) p++;
            high = folded(m, *p);
        }
        found |= low <= c && c <= high;
    }
    *end = p + 1;
    return found != invert;
}

static int match(const struct matching *m, const char *p, const char *s) {
    for (; *p; p++, s++) {
        const char *end;
        switch (*p) {
        case '?':
            if (!*s || (*s == '/' && m->flags & PATHNAME) || guarded(m, s)) return NO_MATCH;
            continue;
        case '*':
            if (guarded(m, s)) return NO_MATCH;
            while (p[1] == '*') p++;
            for (;; s++) {
                if (!match(m, p + 1, s)) return 0;
                if (!*s || (*s == '/' && m->flags & PATHNAME)) return NO_MATCH;
            }
        case '[': {
            if (!*s || (*s == '/' && m->flags & PATHNAME) || guarded(m, s)) return NO_MATCH;
            int result = bracket(m, p + 1, *s, &end);
            if (!result) return NO_MATCH;
            if (result > 0) {
                p = end - 1;
                continue;
            }
            break;
        }
        case '\\':
            if (!(m->flags & NO_ESCAPE)) {
                if (!p[1]) return NO_MATCH;
                p++;
            }
            break;
        }
        if (folded(m, *p) != folded(m, *s) || !*s) return NO_MATCH;
    }
    return !*s || (*s == '/' && m->flags & LEADING_FOLDER) ? 0 : NO_MATCH;
}

EXPORT int fnmatch(const char *pattern, const char *text, int flags) {
    struct matching m = {text, flags};
    return match(&m, pattern, text);
}
