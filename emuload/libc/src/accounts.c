/* pwd.h and grp.h: /etc/passwd and /etc/group, read anew for each question (passwd(5), group(5)). */
#include <asm/unistd.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include "internal.h"

/* Reads a whole file and appends a zero; 0 if it cannot be read. */
static char *slurp(const char *path) {
    long fd = em_syscall(__NR_openat, -100, path, 02000000, 0);   /* O_CLOEXEC */
    if (fd < 0) return 0;
    size_t size = 0, room = 0;
    char *text = 0;
    for (;;) {
        if (room - size < 2) {
            char *wider = em_realloc(text, room = room * 2 + 4096);
            if (!wider) break;
            text = wider;
        }
        long n = em_syscall(__NR_read, fd, text + size, room - size - 1);
        if (n <= 0) break;
        size += (size_t)n;
    }
    em_syscall(__NR_close, fd);
    if (text) text[size] = 0;
    return text;
}

/* Cuts a line at its colons; how many fields there were. */
static int split(char *line, char **fields, int most) {
    int n = 0;
    for (char *at = line; n < most; at++) {
        fields[n++] = at;
        while (*at && *at != ':') at++;
        if (!*at) break;
        *at = 0;
    }
    return n;
}
static unsigned number(const char *s) {
    unsigned n = 0;
    while (*s >= '0' && *s <= '9') n = n * 10 + (unsigned)(*s++ - '0');
    return n;
}

struct question { const char *name; unsigned id; int index; };   /* by name, by id, or the index-th line */

/* The wanted line of a file, on the heap and cut into fields, or 0. */
static char *find(const char *path, struct question q, char **fields, int count) {
    char *text = slurp(path), *line = text;
    for (int index = 0; line && *line; index++) {
        char *end = line;
        while (*end && *end != '\n') end++;
        char *next = *end ? end + 1 : end;
        *end = 0;
        char *copy = em_malloc((size_t)(end - line) + 1);
        if (!copy) break;
        memcpy(copy, line, (size_t)(end - line) + 1);
        if (split(copy, fields, count) >= count - 1 && *copy && *copy != '#'
            && (q.index >= 0 ? q.index == index : q.name ? !strcmp(fields[0], q.name) : number(fields[2]) == q.id)) {
            em_free(text);
            return copy;
        }
        em_free(copy);
        line = next;
    }
    em_free(text);
    return 0;
}

/* A bump allocator over the caller's buffer. */
struct room { char *at, *end; };
static char *keep(struct room *r, const char *s) {
    size_t n = strlen(s) + 1;
    if ((size_t)(r->end - r->at) < n) return 0;
    char *to = memcpy(r->at, s, n);
    r->at += n;
    return to;
}

static int user(struct question q, struct passwd *out, char *buffer, size_t size, struct passwd **result) {
    char *f[7];
    *result = 0;
    char *line = find("/etc/passwd", q, f, 7);
    if (!line) return 0;
    struct room r = {buffer, buffer + size};
    *out = (struct passwd){.pw_name = keep(&r, f[0]), .pw_passwd = keep(&r, f[1]), .pw_uid = number(f[2]), .pw_gid = number(f[3]),
                           .pw_gecos = keep(&r, f[4]), .pw_dir = keep(&r, f[5]), .pw_shell = keep(&r, f[6])};
    em_free(line);
    if (!out->pw_name || !out->pw_passwd || !out->pw_gecos || !out->pw_dir || !out->pw_shell) return ERANGE;
    *result = out;
    return 0;
}

static int group(struct question q, struct group *out, char *buffer, size_t size, struct group **result) {
    char *f[4], empty[1] = "";
    f[3] = empty;
    *result = 0;
    char *line = find("/etc/group", q, f, 4);
    if (!line) return 0;
    struct room r = {buffer, buffer + size};
    *out = (struct group){.gr_name = keep(&r, f[0]), .gr_passwd = keep(&r, f[1]), .gr_gid = number(f[2])};
    char *members = keep(&r, f[3]);
    em_free(line);
    if (!out->gr_name || !out->gr_passwd || !members) return ERANGE;
    r.at = (char *)(((uintptr_t)r.at + sizeof(char *) - 1) & -sizeof(char *));
    size_t count = *members != 0;
    for (char *c = members; *c; c++) count += *c == ',';
    if (r.at > r.end || (size_t)(r.end - r.at) < (count + 1) * sizeof(char *)) return ERANGE;
    out->gr_mem = (char **)r.at;
    for (size_t i = 0; i < count; i++) {
        out->gr_mem[i] = members;
        while (*members && *members != ',') members++;
        *members++ = 0;
    }
    out->gr_mem[count] = 0;
    *result = out;
    return 0;
}

EXPORT int getpwnam_r(const char *name, struct passwd *out, char *b, size_t n, struct passwd **r) { return user((struct question){name, 0, -1}, out, b, n, r); }
EXPORT int getpwuid_r(uid_t id, struct passwd *out, char *b, size_t n, struct passwd **r) { return user((struct question){0, id, -1}, out, b, n, r); }
EXPORT int getgrnam_r(const char *name, struct group *out, char *b, size_t n, struct group **r) { return group((struct question){name, 0, -1}, out, b, n, r); }
EXPORT int getgrgid_r(gid_t id, struct group *out, char *b, size_t n, struct group **r) { return group((struct question){0, id, -1}, out, b, n, r); }

static struct passwd shared_user;
static struct group shared_group;
static char user_room[1024], group_room[4096];
static int user_index, group_index;

static struct passwd *one_user(struct question q) {
    struct passwd *r;
    int error = user(q, &shared_user, user_room, sizeof user_room, &r);
    if (error) errno = error;
    return r;
}
static struct group *one_group(struct question q) {
    struct group *r;
    int error = group(q, &shared_group, group_room, sizeof group_room, &r);
    if (error) errno = error;
    return r;
}
EXPORT struct passwd *getpwnam(const char *name) { return one_user((struct question){name, 0, -1}); }
EXPORT struct passwd *getpwuid(uid_t id) { return one_user((struct question){0, id, -1}); }
EXPORT struct group *getgrnam(const char *name) { return one_group((struct question){name, 0, -1}); }
EXPORT struct group *getgrgid(gid_t id) { return one_group((struct question){0, id, -1}); }
EXPORT void setpwent(void) { user_index = 0; }
EXPORT void endpwent(void) { user_index = 0; }
EXPORT struct passwd *getpwent(void) { return one_user((struct question){0, 0, user_index++}); }
EXPORT void setgrent(void) { group_index = 0; }
EXPORT void endgrent(void) { group_index = 0; }
EXPORT struct group *getgrent(void) { return one_group((struct question){0, 0, group_index++}); }

EXPORT int getgrouplist(const char *name, gid_t main_group, gid_t *list, int *count) {
    int found = 0, room = *count;
    if (found++ < room) list[0] = main_group;
    struct group g, *r;
    char buffer[4096];
    for (int i = 0;; i++) {
        int error = group((struct question){0, 0, i}, &g, buffer, sizeof buffer, &r);
        if (error || !r) break;
        for (char **m = g.gr_mem; *m; m++)
            if (!strcmp(*m, name) && g.gr_gid != main_group) {
                if (found < room) list[found] = g.gr_gid;
                found++;
                break;
            }
    }
    *count = found;
    return found > room ? -1 : found;
}
EXPORT int initgroups(const char *name, gid_t main_group) { return 0; }
EXPORT char *getlogin(void) {
    struct passwd *p = getpwuid((uid_t)em_syscall(__NR_getuid));
    return p ? p->pw_name : 0;
}
EXPORT int getlogin_r(char *buffer, size_t size) {
    char *name = getlogin();
    if (!name) return ENXIO;
    if (strlen(name) >= size) return ERANGE;
    memcpy(buffer, name, strlen(name) + 1);
    return 0;
}
