/* stdlib.h and stdio.h: names made up for temporary files, names made canonical, and other programs (there are none). */
#include "file.h"
#include <fcntl.h>

int unlink(const char *path);
FILE *fdopen(int fd, const char *mode);
int fflush(FILE *f);

/* -- temporary files ------------------------------------------------------------------------- */

enum made { MADE_NAME, MADE_FILE, MADE_FOLDER };

/* Six letters for the X's. The kernel's random numbers follow the run's seed. */
static void choose(char *xs) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint64_t bits = 0;
    em_syscall(__NR_getrandom, &bits, sizeof bits, 0);
    for (int i = 0; i < 6; i++, bits /= 62) xs[i] = letters[bits % 62];
}

static int make(char *name, int suffix, int flags, enum made what) {
    size_t length = strlen(name);
    char *xs = name + length - suffix - 6;
    if (suffix < 0 || length < 6 + (size_t)suffix || memcmp(xs, "XXXXXX", 6)) {
        errno = EINVAL;
        return -1;
    }
    for (int tries = 0; tries < 1000; tries++) {
        long result;
        choose(xs);
        if (what == MADE_FILE) result = em_syscall(__NR_openat, AT_FDCWD, name, (flags & ~O_ACCMODE) | O_RDWR | O_CREAT | O_EXCL, 0600);
        else if (what == MADE_FOLDER) result = em_syscall(__NR_mkdirat, AT_FDCWD, name, 0700);
        else result = em_syscall(__NR_faccessat, AT_FDCWD, name, 0);
        if (what == MADE_NAME ? result == -ENOENT : result >= 0) return what == MADE_FILE ? (int)result : 0;
        if (what != MADE_NAME && result != -EEXIST) return (int)em_result(result);
    }
    errno = EEXIST;
    return -1;
}

EXPORT int mkostemps(char *name, int suffix, int flags) { return make(name, suffix, flags, MADE_FILE); }
EXPORT int mkostemp(char *name, int flags) { return make(name, 0, flags, MADE_FILE); }
EXPORT int mkstemps(char *name, int suffix) { return make(name, suffix, 0, MADE_FILE); }
EXPORT int mkstemp(char *name) { return make(name, 0, 0, MADE_FILE); }
ALSO(mkstemp64, mkstemp);
ALSO(mkostemp64, mkostemp);
ALSO(mkstemps64, mkstemps);
ALSO(mkostemps64, mkostemps);
EXPORT char *mkdtemp(char *name) { return make(name, 0, 0, MADE_FOLDER) ? NULL : name; }
EXPORT char *mktemp(char *name) {
    if (make(name, 0, 0, MADE_NAME)) *name = 0;
    return name;
}

EXPORT char *tmpnam(char *to) {
    static char own[20];
    char *name = strcpy(to ? to : own, "/tmp/fileXXXXXX");
    return make(name, 0, 0, MADE_NAME) ? NULL : name;
}
EXPORT char *tmpnam_r(char *to) { return to ? tmpnam(to) : NULL; }

EXPORT char *tempnam(const char *folder, const char *prefix) {
    const char *where = getenv("TMPDIR");
    if (!where) where = folder ? folder : "/tmp";
    size_t size = strlen(where), head = prefix ? strlen(prefix) : 4;
    if (head > 5) head = 5;
    char *name = emu_heap.malloc(size + head + 8);
    if (!name) return NULL;
    char *end = mempcpy(name, where, size);
    *end++ = '/';
    end = mempcpy(end, prefix ? prefix : "file", head);
    strcpy(end, "XXXXXX");
    if (!make(name, 0, 0, MADE_NAME)) return name;
    emu_heap.free(name);
    return NULL;
}

EXPORT FILE *tmpfile(void) {
    char name[] = "/tmp/tmpfXXXXXX";
    int fd = make(name, 0, 0, MADE_FILE);
    if (fd < 0) return NULL;
    em_syscall(__NR_unlinkat, AT_FDCWD, name, 0);
    return fdopen(fd, "w+");
}
ALSO(tmpfile64, tmpfile);

/* -- realpath -------------------------------------------------------------------------------- */

enum { LONGEST = 4096, MOST_LINKS = 40 };

static char *path_error(int error) {
    errno = error;
    return NULL;
}

/* `done` is canonical and without a slash at its end; `rest` is what still has to be followed. */
static char *resolve(const char *path, char *done) {
    char rest[LONGEST], target[LONGEST];
    size_t length = strlen(path), used = 0;
    int links = 0;
    if (length >= LONGEST) return path_error(ENAMETOOLONG);
    memcpy(rest, path, length + 1);
    if (*path != '/') {
        long size = em_syscall(__NR_getcwd, done, LONGEST);
        if (size < 0) return path_error((int)-size);
        used = strlen(done);
        if (used == 1) used = 0;
    }
    for (char *at = rest; *at;) {
        while (*at == '/') at++;
        size_t part = (size_t)(strchrnul(at, '/') - at);
        if (!part) break;
        bool more = at[part] != 0;
        if (part == 1 && *at == '.') {
            at += part;
            continue;
        }
        if (part == 2 && at[0] == '.' && at[1] == '.') {
            while (used && done[--used] != '/') {}
            at += part;
            continue;
        }
        if (used + 1 + part >= LONGEST) return path_error(ENAMETOOLONG);
        size_t before = used;
        done[used++] = '/';
        memcpy(done + used, at, part);
        used += part;
        done[used] = 0;
        at += part;
        long size = em_syscall(__NR_readlinkat, AT_FDCWD, done, target, LONGEST - 1);
        if (size == -EINVAL) { /* there, and no link; what a slash follows must be a folder */
            if (more && em_syscall(__NR_faccessat, AT_FDCWD, strcpy(target, done), 0) == 0) {
                strcpy(target + used, "/.");
                long folder = em_syscall(__NR_faccessat, AT_FDCWD, target, 0);
                if (folder < 0) return path_error((int)-folder);
            }
            continue;
        }
        if (size < 0) return path_error((int)-size);
        if (++links > MOST_LINKS) return path_error(ELOOP);
        size_t tail = strlen(at);
        if ((size_t)size + tail >= LONGEST) return path_error(ENAMETOOLONG);
        memmove(rest + size, at, tail + 1);
        memcpy(rest, target, (size_t)size);
        at = rest;
        used = *rest == '/' ? 0 : before;
    }
    if (!used) done[used++] = '/';
    done[used] = 0;
    return done;
}

EXPORT char *realpath(const char *restrict path, char *restrict to) {
    char done[LONGEST + 1];
    if (!path) return path_error(EINVAL);
    if (!*path) return path_error(ENOENT);
    if (!resolve(path, done)) return NULL;
    return to ? strcpy(to, done) : strdup(done);
}
EXPORT char *canonicalize_file_name(const char *path) { return realpath(path, NULL); }
EXPORT char *__realpath_chk(const char *path, char *to, size_t size) {
    if (size < LONGEST) emu_fortify_fail();
    return realpath(path, to);
}

/* -- other programs: none can be started ------------------------------------------------------ */

EXPORT int system(const char *command) {
    if (!command) return 0;
    errno = ENOSYS;
    return -1;
}
EXPORT FILE *popen(const char *command, const char *mode) {
    errno = ENOSYS;
    return NULL;
}
EXPORT int pclose(FILE *f) {
    fclose(f);
    errno = ECHILD;
    return -1;
}
