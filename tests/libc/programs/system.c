/* netdb.h, arpa/inet.h, pwd.h, grp.h, termios.h and other calls about the system. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

static void addresses(void) {
    static const char *texts[] = {"127.0.0.1", "255.255.255.255", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "::", "::1", "1::", "fe80::1:2", "2001:db8:0:0:1:0:0:1",
                                  "2001:db8::1:0:0:1", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7", "::1::", ":1", "1:", "12345::", "::1.2.3", "1:2:3:4:5:6:1.2.3.4", "", "x"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        unsigned char a[16];
        char back[64] = "-", v6[64] = "-";
        int r4 = inet_pton(AF_INET, texts[i], a);
        if (r4 == 1) inet_ntop(AF_INET, a, back, sizeof back);
        int r6 = inet_pton(AF_INET6, texts[i], a);
        if (r6 == 1) inet_ntop(AF_INET6, a, v6, sizeof v6);
        SAY("%s: %d %s, %d %s\n", texts[i], r4, back, r6, v6);
    }
    static const unsigned char odd[][16] = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, {0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0}, {0x20, 1, 0, 0, 0, 0, 0, 0, 0, 1}};
    for (int i = 0; i < 3; i++) {
        char text[64];
        SAY("%s\n", inet_ntop(AF_INET6, odd[i], text, sizeof text));
    }
    char small[5];
    struct in_addr a;
    SAY("too small: %d %d\n", inet_ntop(AF_INET, odd[0], small, 5) == 0, errno == ENOSPC);
    SAY("inet_aton: %d", inet_aton("127.1", &a));
    SAY(" %s", inet_ntoa(a));
    SAY(" %d", inet_aton("0x7f.010.3", &a));
    SAY(" %s %d %x\n", inet_ntoa(a), inet_aton("1.2.3.256", &a), inet_addr("bad"));
    SAY("order: %x %x\n", htons(0x1234), htonl(0x12345678));
}

static void names(void) {
    static const struct { const char *host, *port; int family, flags; } questions[] = {
        {"127.0.0.1", "80", AF_UNSPEC, 0}, {"::1", "443", AF_UNSPEC, 0}, {0, "9", AF_INET, AI_PASSIVE}, {"1.2.3.4", 0, AF_INET6, 0}, {"no.such.name.invalid", "1", AF_INET, AI_NUMERICHOST}, {"1.2.3.4", "x y", AF_INET, AI_NUMERICSERV}, {0, 0, 0, 0}};
    for (unsigned i = 0; i < sizeof questions / sizeof *questions; i++) {
        struct addrinfo hints = {.ai_family = questions[i].family, .ai_flags = questions[i].flags, .ai_socktype = SOCK_STREAM}, *list = 0;
        int error = getaddrinfo(questions[i].host, questions[i].port, &hints, &list);
        SAY("%d:", error == 0);
        for (struct addrinfo *a = list; !error && a; a = a->ai_next) {
            char host[64], port[16];
            getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
            SAY(" %s %s %d %d", host, port, a->ai_socktype == SOCK_STREAM, a->ai_protocol == IPPROTO_TCP);
        }
        if (!error) freeaddrinfo(list);
        SAY("\n");
    }
}

static void accounts(void) {
    struct passwd *p = getpwuid(0), one, *result;
    SAY("root: %s %d %d\n", p ? p->pw_name : "?", p ? (int)p->pw_uid : -1, p ? p->pw_dir[0] == '/' : 0);
    char buffer[1024], tiny[4];
    SAY("by name: %d", getpwnam_r("root", &one, buffer, sizeof buffer, &result));
    SAY(" %d\n", result == &one && one.pw_gid == 0);
    SAY("too small: %d %d\n", getpwnam_r("root", &one, tiny, sizeof tiny, &result) == ERANGE, result == 0);
    SAY("nobody: %d %d\n", getpwnam_r("no such user", &one, buffer, sizeof buffer, &result), result == 0);
    struct group *g = getgrgid(0);
    SAY("group: %s\n", g ? g->gr_name : "?");
}

static void rest(void) {
    struct statvfs s;
    SAY("statvfs: %d\n", statvfs("/", &s));
    struct termios t;
    errno = 0;
    SAY("tcgetattr: %d", tcgetattr(999, &t));
    SAY(" %d\n", errno == EBADF);
    memset(&t, 0xff, sizeof t);
    cfmakeraw(&t);
    SAY("raw: %d %d\n", !!(t.c_lflag & ICANON), t.c_cc[VMIN]);
    SAY("device: %u %u\n", major(makedev(8, 300)), minor(makedev(8, 300)));
    char path[64];
    SAY("confstr: %d\n", confstr(_CS_PATH, path, sizeof path) > 1);
}

int main(void) {
    addresses();
    names();
    accounts();
    rest();
    return 0;
}
