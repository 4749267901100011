/* netdb.h and arpa/inet.h without a network: numeric addresses and "localhost", nothing else has a name. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "internal.h"

/* -- addresses as text (POSIX inet_ntop; RFC 4291, section 2.2, and RFC 5952 for the choice among forms) ---------- */

static const char *read_v4(const char *s, unsigned char *out) {
    for (int i = 0; i < 4; i++) {
        unsigned v = 0, n = 0;
        while (*s >= '0' && *s <= '9' && n < 3) v = v * 10 + (unsigned)(*s++ - '0'), n++;
        if (!n || v > 255 || (n > 1 && s[-(int)n] == '0')) return 0;
        out[i] = (unsigned char)v;
        if (i < 3 && *s++ != '.') return 0;
    }
    return s;
}
static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

static int read_v6(const char *s, unsigned char *out) {
    uint16_t groups[8];
    int n = 0, gap = -1;
    if (*s == ':' && *++s != ':') return 0;
    for (;;) {
        if (*s == ':' && gap < 0) {
            gap = n;
            if (!*++s) break;
        }
        int v = 0, digits = 0;
        const char *start = s;
        while (digits < 4 && hex(*s) >= 0) v = v * 16 + hex(*s++), digits++;
        if (!digits || n == 8) return 0;
        if (*s == '.') {
            unsigned char v4[4];
            const char *end = n <= 6 ? read_v4(start, v4) : 0;
            if (!end || *end) return 0;
            groups[n++] = (uint16_t)(v4[0] << 8 | v4[1]);
            groups[n++] = (uint16_t)(v4[2] << 8 | v4[3]);
            break;
        }
        groups[n++] = (uint16_t)v;
        if (!*s) break;
        if (*s++ != ':' || (!*s)) return 0;
    }
    if (gap < 0 ? n != 8 : n > 7) return 0;
    for (int i = 0; i < 8; i++) {
        int from = gap < 0 || i < gap ? i : i - (8 - n);
        uint16_t g = gap >= 0 && i >= gap && i < gap + 8 - n ? 0 : groups[from];
        out[2 * i] = (unsigned char)(g >> 8);
        out[2 * i + 1] = (unsigned char)g;
    }
    return 1;
}
EXPORT int inet_pton(int family, const char *text, void *out) {
    unsigned char address[16];
    if (family == AF_INET) {
        const char *end = read_v4(text, address);
        if (!end || *end) return 0;
        memcpy(out, address, 4);
        return 1;
    }
    if (family == AF_INET6) {
        if (!read_v6(text, address)) return 0;
        memcpy(out, address, 16);
        return 1;
    }
    errno = EAFNOSUPPORT;
    return -1;
}

static char *put_number(char *to, unsigned v, unsigned base) {
    char digits[10];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    while (n) *to++ = digits[--n];
    return to;
}
static char *put_v4(char *to, const unsigned char *a) {
    for (int i = 0; i < 4; i++) {
        if (i) *to++ = '.';
        to = put_number(to, a[i], 10);
    }
    *to = 0;
    return to;
}
EXPORT const char *inet_ntop(int family, const void *address, char *out, socklen_t size) {
    const unsigned char *a = address;
    char text[48], *to = text;
    if (family == AF_INET) put_v4(text, a);
    else if (family == AF_INET6) {
        unsigned g[8];
        int best = -1, length = 1;
        for (int i = 0; i < 8; i++) g[i] = (unsigned)(a[2 * i] << 8 | a[2 * i + 1]);
        for (int i = 0; i < 8; i++) {
            int n = 0;
            while (i + n < 8 && !g[i + n]) n++;
            if (n > length) best = i, length = n;
        }
        int mapped = best == 0 && (length == 6 || (length == 5 && g[5] == 0xffff));
        for (int i = 0; i < 8; i++) {
            if (i == best) {
                *to++ = ':';
                i += length - 1;
                if (i == 7) *to++ = ':';
                continue;
            }
            if (i) *to++ = ':';
            if (mapped && i == 6) {
                to = put_v4(to, a + 12);
                break;
            }
            to = put_number(to, g[i], 16);
        }
        *to = 0;
    } else {
        errno = EAFNOSUPPORT;
        return 0;
    }
    if (strlen(text) >= size) {
        errno = ENOSPC;
        return 0;
    }
    return memcpy(out, text, strlen(text) + 1);
}
EXPORT int inet_aton(const char *s, struct in_addr *out) {
    uint32_t parts[4], n = 0;
    for (;;) {
        uint32_t base = 10, v = 0, digits = 0;
        if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) base = 16, s += 2;
        else if (s[0] == '0') base = 8;
        for (; hex(*s) >= 0 && (uint32_t)hex(*s) < base; s++, digits++) v = v * base + (uint32_t)hex(*s);
        if (!digits) return 0;
        parts[n++] = v;
        if (*s != '.' || n == 4) break;
        s++;
    }
    if (*s && *s != ' ' && *s != '\t' && *s != '\n') return 0;
    uint32_t address = 0;
    for (uint32_t i = 0; i + 1 < n; i++) {
        if (parts[i] > 255) return 0;
        address |= parts[i] << (24 - 8 * i);
    }
    if (n > 1 && parts[n - 1] >> (8 * (5 - n))) return 0;
    if (out) out->s_addr = __builtin_bswap32(address | parts[n - 1]);
    return 1;
}
EXPORT in_addr_t inet_addr(const char *s) {
    struct in_addr a;
    return inet_aton(s, &a) ? a.s_addr : INADDR_NONE;
}
EXPORT char *inet_ntoa(struct in_addr a) {
    static char text[16];
    put_v4(text, (const unsigned char *)&a);
    return text;
}
EXPORT const struct in6_addr in6addr_any, in6addr_loopback = {{{[15] = 1}}};

/* -- names ------------------------------------------------------------------------------------------------------------ */

static int service(const char *s) {
    int v = 0;
    if (!s || !*s) return 0;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || (v = v * 10 + (*s - '0')) > 65535) return -1;
    }
    return v;
}

struct answer { struct addrinfo info; union { struct sockaddr_in v4; struct sockaddr_in6 v6; } address; };

EXPORT int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **out) {
    static const struct { int type, protocol; } kinds[] = {{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}, {SOCK_RAW, 0}};
    int family = hints ? hints->ai_family : AF_UNSPEC, flags = hints ? hints->ai_flags : 0;
    int number = service(port);
    if (!name && !port) return EAI_NONAME;
    if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6) return EAI_FAMILY;
    if (number < 0) return EAI_SERVICE;
    unsigned char v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
    int has4 = 0, has6 = 0;
    if (!name) {
        has4 = has6 = 1;
        if (flags & AI_PASSIVE) {
            memset(v4, 0, 4);
            memset(v6, 0, 16);
        }
    } else if (inet_pton(AF_INET, name, v4) == 1) has4 = 1;
    else if (inet_pton(AF_INET6, name, v6) == 1) has6 = 1;
    else if (!(flags & AI_NUMERICHOST) && !strcmp(name, "localhost")) has4 = has6 = 1;
    else return EAI_NONAME;
    if (family == AF_INET) has6 = 0;
    if (family == AF_INET6) has4 = 0;
    if (!has4 && !has6) return EAI_NONAME;
    struct addrinfo *first = 0, **link = &first;
    for (int six = 1; six >= 0; six--) {
        if (!(six ? has6 : has4)) continue;
        for (unsigned k = 0; k < 3; k++) {
            if (hints && hints->ai_socktype && hints->ai_socktype != kinds[k].type) continue;
            if (hints && hints->ai_protocol && kinds[k].protocol && hints->ai_protocol != kinds[k].protocol) continue;
            struct answer *a = em_calloc(1, sizeof *a);
            if (!a) {
                freeaddrinfo(first);
                return EAI_MEMORY;
            }
            a->info.ai_family = six ? AF_INET6 : AF_INET;
            a->info.ai_socktype = kinds[k].type;
            a->info.ai_protocol = kinds[k].protocol;
            a->info.ai_addr = (struct sockaddr *)&a->address;
            a->info.ai_addrlen = six ? sizeof a->address.v6 : sizeof a->address.v4;
            if (six) {
                a->address.v6.sin6_family = AF_INET6;
                a->address.v6.sin6_port = htons((uint16_t)number);
                memcpy(&a->address.v6.sin6_addr, v6, 16);
            } else {
                a->address.v4.sin_family = AF_INET;
                a->address.v4.sin_port = htons((uint16_t)number);
                memcpy(&a->address.v4.sin_addr, v4, 4);
            }
            if (!first && (flags & AI_CANONNAME) && name) {
                a->info.ai_canonname = em_malloc(strlen(name) + 1);
                if (a->info.ai_canonname) memcpy(a->info.ai_canonname, name, strlen(name) + 1);
            }
            *link = &a->info;
            link = &a->info.ai_next;
        }
    }
    *out = first;
    return first ? 0 : EAI_SOCKTYPE;
}
EXPORT void freeaddrinfo(struct addrinfo *list) {
    while (list) {
        struct addrinfo *next = list->ai_next;
        em_free(list->ai_canonname);
        em_free(list);
        list = next;
    }
}
EXPORT int getnameinfo(const struct sockaddr *address, socklen_t size, char *host, socklen_t host_size, char *port, socklen_t port_size, int flags) {
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    int six = address->sa_family == AF_INET6;
    if (!six && address->sa_family != AF_INET) return EAI_FAMILY;
    if (host && host_size) {
        if (flags & NI_NAMEREQD) return EAI_NONAME;
        if (!inet_ntop(address->sa_family, six ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, host, host_size)) return EAI_OVERFLOW;
    }
    if (port && port_size) {
        char text[8];
        *put_number(text, ntohs(six ? v6->sin6_port : v4->sin_port), 10) = 0;
        if (strlen(text) >= port_size) return EAI_OVERFLOW;
        memcpy(port, text, strlen(text) + 1);
    }
    return 0;
}
EXPORT const char *gai_strerror(int error) {
    switch (error) {
    case EAI_BADFLAGS: return "Bad value for ai_flags";
    case EAI_NONAME: return "Name or service not known";
    case EAI_AGAIN: return "Temporary failure in name resolution";
    case EAI_FAIL: return "Non-recoverable failure in name resolution";
    case EAI_FAMILY: return "ai_family not supported";
    case EAI_SOCKTYPE: return "ai_socktype not supported";
    case EAI_SERVICE: return "Servname not supported for ai_socktype";
    case EAI_MEMORY: return "Memory allocation failure";
    case EAI_SYSTEM: return "System error";
    default: return "Unknown error";
    }
}
static int host_error;
EXPORT int *__h_errno_location(void) { return &host_error; }
EXPORT struct hostent *gethostbyname(const char *name) {
    static struct hostent h;
    static unsigned char address[4];
    static char *list[2], *none[1], text[256];
    if (!strcmp(name, "localhost")) memcpy(address, "\177\0\0\1", 4);
    else if (inet_pton(AF_INET, name, address) != 1 || strlen(name) >= sizeof text) {
        host_error = HOST_NOT_FOUND;
        return 0;
    }
    memcpy(text, name, strlen(name) + 1);
    list[0] = (char *)address;
    h = (struct hostent){text, none, AF_INET, 4, list};
    return &h;
}
EXPORT unsigned if_nametoindex(const char *name) { return !strcmp(name, "lo"); }
EXPORT char *if_indextoname(unsigned index, char *name) { return index == 1 ? memcpy(name, "lo", 3) : (errno = ENXIO, (char *)0); }
