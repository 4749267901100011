/* stdio.h: opening streams, and reading and writing bytes, lines and blocks through them. */
#include "file.h"
#include <fcntl.h>
#include "wide.h"

#ifdef __NR_fcntl64
#define NR_FCNTL __NR_fcntl64
#else
#define NR_FCNTL __NR_fcntl
#endif

/* -- opening --------------------------------------------------------------------------------- */

HIDDEN int emu_parse_mode(const char *mode, int *open_flags) {
    int flags, access, extra = 0;
    switch (*mode) {
    case 'r': flags = F_NO_WRITES, access = O_RDONLY; break;
    case 'w': flags = F_NO_READS, access = O_WRONLY, extra = O_CREAT | O_TRUNC; break;
    case 'a': flags = F_NO_READS | F_APPEND, access = O_WRONLY, extra = O_CREAT | O_APPEND; break;
    default: errno = EINVAL; return -1;
    }
    for (int i = 1; i < 7 && mode[i] && mode[i] != ','; i++) {
        if (mode[i] == '+') flags &= ~(F_NO_READS | F_NO_WRITES), access = O_RDWR;
        else if (mode[i] == 'x') extra |= O_EXCL;
        else if (mode[i] == 'e') extra |= O_CLOEXEC;
    }
    *open_flags = access | extra;
    return flags;
}

static int open_path(const char *path, int flags) {
#ifdef O_LARGEFILE
    flags |= O_LARGEFILE;
#endif
    return (int)em_syscall_errno(__NR_openat, AT_FDCWD, path, flags, 0666);
}

/* A stream that only appends says from the start that it is at the end. */
static void start_at_end(FILE *f) {
    int64_t end = 0;
    if (f->flags & F_APPEND && f->flags & F_NO_READS) f->operations.seek(f, &end, 2);
}

EXPORT FILE *fopen(const char *restrict path, const char *restrict mode) {
    int access, flags = emu_parse_mode(mode, &access);
    if (flags < 0) return NULL;
    int fd = open_path(path, access);
    if (fd < 0) return NULL;
    FILE *f = emu_file_new(&emu_fd_operations, NULL, fd, flags);
    if (f) start_at_end(f);
    else em_syscall(__NR_close, fd);
    return f;
}
ALSO(fopen64, fopen);
ALSO(_IO_fopen, fopen);

EXPORT FILE *fdopen(int fd, const char *mode) {
    int access, flags = emu_parse_mode(mode, &access);
    if (flags < 0) return NULL;
    long status = em_syscall_errno(NR_FCNTL, fd, F_GETFL);
    if (status < 0) return NULL;
    int allowed = (int)status & O_ACCMODE;
    if ((allowed == O_RDONLY && !(flags & F_NO_WRITES)) || (allowed == O_WRONLY && !(flags & F_NO_READS))) {
        errno = EINVAL;
        return NULL;
    }
    if (flags & F_APPEND && !(status & O_APPEND)) em_syscall(NR_FCNTL, fd, F_SETFL, status | O_APPEND);
    return emu_file_new(&emu_fd_operations, NULL, fd, flags);
}
ALSO(_IO_fdopen, fdopen);

EXPORT FILE *freopen(const char *restrict path, const char *restrict mode, FILE *restrict f) {
    int access, flags = emu_parse_mode(mode, &access);
    int old = f->fd;
    lock_file(f);
    emu_file_sync(f);
    if (flags < 0) goto fail;
    if (path) {
        int fd = open_path(path, access);
        if (fd < 0) goto fail;
        if (old >= 0 && f->operations.read == emu_fd_operations.read) {
            /* The new file takes the old one's number. */
            em_syscall(__NR_dup3, fd, old, access & O_CLOEXEC);
            em_syscall(__NR_close, fd);
        } else {
            if (f->operations.close) f->operations.close(f->cookie ? f->cookie : f);
            f->fd = fd;
        }
    } else if (old >= 0) {
        em_syscall(NR_FCNTL, old, F_SETFL, access & ~O_ACCMODE & ~(O_CREAT | O_TRUNC | O_EXCL));
    } else {
        errno = EBADF;
        goto fail;
    }
    f->operations = emu_fd_operations;
    f->cookie = f;
    f->read_at = f->read_end = f->read_base = NULL;
    f->write_at = f->write_end = f->write_base = NULL;
    f->flags = (f->flags & (F_STATIC | F_LINKED | F_USER_BUFFER | F_USER_LOCK | F_MODE_SET | F_UNBUFFERED | F_LINES)) | flags;
    if (!(f->flags & (F_USER_BUFFER | F_MODE_SET))) {
        em_free(f->buffer);
        f->buffer = f->buffer_end = NULL;
        f->flags &= ~(F_LINES | F_UNBUFFERED);
    }
    f->orientation = 0;
    start_at_end(f);
    unlock_file(f);
    return f;
fail:;
    int error = errno;
    unlock_file(f);
    fclose(f);
    errno = error;
    return NULL;
}
ALSO(freopen64, freopen);

EXPORT FILE *fopencookie(void *restrict cookie, const char *restrict mode, struct file_operations operations) {
    int access, flags = emu_parse_mode(mode, &access);
    if (flags < 0) return NULL;
    return emu_file_new(&operations, cookie, -1, flags);
}

/* -- bytes ----------------------------------------------------------------------------------- */

/* Defines name with the lock around name_unlocked's body, which is the given expression of f. */
#define LOCKED(type, f, expression) \
    do { \
        lock_file(f); \
        type result_ = expression; \
        unlock_file(f); \
        return result_; \
    } while (0)

EXPORT int fgetc(FILE *f) { LOCKED(int, f, get_byte(f)); }
ALSO(getc, fgetc);
ALSO(_IO_getc, fgetc);
EXPORT int getc_unlocked(FILE *f) { return get_byte(f); }
ALSO(fgetc_unlocked, getc_unlocked);
EXPORT int getchar(void) { LOCKED(int, stdin, get_byte(stdin)); }
EXPORT int getchar_unlocked(void) { return get_byte(stdin); }

EXPORT int fputc(int c, FILE *f) { LOCKED(int, f, put_byte(f, (unsigned char)c)); }
ALSO(putc, fputc);
ALSO(_IO_putc, fputc);
EXPORT int putc_unlocked(int c, FILE *f) { return put_byte(f, (unsigned char)c); }
ALSO(fputc_unlocked, putc_unlocked);
EXPORT int putchar(int c) { LOCKED(int, stdout, put_byte(stdout, (unsigned char)c)); }
EXPORT int putchar_unlocked(int c) { return put_byte(stdout, (unsigned char)c); }

EXPORT int ungetc(int c, FILE *f) { LOCKED(int, f, emu_file_unget(f, c)); }
ALSO(_IO_ungetc, ungetc);

static int get_word(FILE *f) {
    int value;
    return emu_file_get(f, (char *)&value, sizeof value) == sizeof value ? value : STREAM_EOF;
}
EXPORT int getw(FILE *f) { LOCKED(int, f, get_word(f)); }
EXPORT int putw(int value, FILE *f) {
    LOCKED(int, f, emu_file_put(f, (const char *)&value, sizeof value) == sizeof value ? 0 : STREAM_EOF);
}

/* -- blocks ---------------------------------------------------------------------------------- */

static size_t items(size_t bytes, size_t total, size_t size, size_t count) { return bytes == total ? count : bytes / size; }

EXPORT size_t fread_unlocked(void *restrict to, size_t size, size_t count, FILE *restrict f) {
    size_t total = size * count;
    return total ? items(emu_file_get(f, to, total), total, size, count) : 0;
}
EXPORT size_t fread(void *restrict to, size_t size, size_t count, FILE *restrict f) {
    LOCKED(size_t, f, fread_unlocked(to, size, count, f));
}
ALSO(_IO_fread, fread);
EXPORT size_t fwrite_unlocked(const void *restrict from, size_t size, size_t count, FILE *restrict f) {
    size_t total = size * count;
    return total ? items(emu_file_put(f, from, total), total, size, count) : 0;
}
EXPORT size_t fwrite(const void *restrict from, size_t size, size_t count, FILE *restrict f) {
    LOCKED(size_t, f, fwrite_unlocked(from, size, count, f));
}
ALSO(_IO_fwrite, fwrite);

EXPORT size_t __fread_chk(void *to, size_t room, size_t size, size_t count, FILE *f) {
    size_t total;
    if (__builtin_mul_overflow(size, count, &total) || total > room) emu_fortify_fail();
    return fread(to, size, count, f);
}
EXPORT size_t __fread_unlocked_chk(void *to, size_t room, size_t size, size_t count, FILE *f) {
    size_t total;
    if (__builtin_mul_overflow(size, count, &total) || total > room) emu_fortify_fail();
    return fread_unlocked(to, size, count, f);
}

/* -- strings and lines ----------------------------------------------------------------------- */

EXPORT int fputs_unlocked(const char *restrict s, FILE *restrict f) {
    size_t n = strlen(s);
    return emu_file_put(f, s, n) == n ? 1 : STREAM_EOF;
}
EXPORT int fputs(const char *restrict s, FILE *restrict f) { LOCKED(int, f, fputs_unlocked(s, f)); }
ALSO(_IO_fputs, fputs);

static int put_line(const char *s, FILE *f) {
    size_t n = strlen(s);
    if (emu_file_put(f, s, n) != n || put_byte(f, '\n') < 0) return STREAM_EOF;
    return n < INT_MAX ? (int)n + 1 : INT_MAX;
}
EXPORT int puts(const char *s) { LOCKED(int, stdout, put_line(s, stdout)); }
ALSO(_IO_puts, puts);

EXPORT char *fgets_unlocked(char *restrict s, int size, FILE *restrict f) {
    if (size <= 0) return NULL;
    char *at = s;
    size_t room = (size_t)size - 1;
    int old_error = f->flags & F_ERROR;
    f->flags &= ~F_ERROR;
    bool line = room == 0;
    while (room) {
        if (f->read_at == f->read_end && !emu_file_fill(f)) break;
        size_t ready = (size_t)(f->read_end - f->read_at), n = ready < room ? ready : room;
        char *newline = memchr(f->read_at, '\n', n);
        if (newline) n = (size_t)(newline + 1 - f->read_at);
        memcpy(at, f->read_at, n);
        f->read_at += n;
        at += n;
        room -= n;
        if (newline) break;
    }
    bool failed = !line && (at == s || (f->flags & F_ERROR && errno != EAGAIN));
    f->flags |= old_error;
    if (failed) return NULL;
    *at = 0;
    return s;
}
EXPORT char *fgets(char *restrict s, int size, FILE *restrict f) { LOCKED(char *, f, fgets_unlocked(s, size, f)); }
ALSO(_IO_fgets, fgets);
EXPORT char *__fgets_chk(char *s, size_t room, int size, FILE *f) {
    if (size > 0 && (size_t)size > room) emu_fortify_fail();
    return fgets(s, size, f);
}
EXPORT char *__fgets_unlocked_chk(char *s, size_t room, int size, FILE *f) {
    if (size > 0 && (size_t)size > room) emu_fortify_fail();
    return fgets_unlocked(s, size, f);
}

static char *get_line_without_limit(char *s, size_t room) {
    size_t n = 0;
    int c;
    while ((c = get_byte(stdin)) >= 0 && c != '\n') {
        if (n + 1 >= room) emu_fortify_fail();
        s[n++] = (char)c;
    }
    if (c < 0 && (!n || stdin->flags & F_ERROR)) return NULL;
    s[n] = 0;
    return s;
}
EXPORT char *gets(char *s) { LOCKED(char *, stdin, get_line_without_limit(s, SIZE_MAX)); }
EXPORT char *__gets_chk(char *s, size_t room) { LOCKED(char *, stdin, get_line_without_limit(s, room)); }
EXPORT char *gets_s(char *s, size_t room) { return fgets(s, (int)room, stdin); }

static ssize_t get_until(char **restrict line, size_t *restrict size, int end, FILE *restrict f) {
    if (!line || !size) {
        errno = EINVAL;
        return -1;
    }
    if (!*line || !*size) {
        *size = 120;
        char *grown = emu_heap.realloc(*line, *size);
        if (!grown) return -1;
        *line = grown;
    }
    size_t length = 0;
    for (char *found = NULL; !found;) {
        if (f->read_at == f->read_end && !emu_file_fill(f)) break;
        size_t n = (size_t)(f->read_end - f->read_at);
        found = memchr(f->read_at, end, n);
        if (found) n = (size_t)(found + 1 - f->read_at);
        if (length + n + 1 > *size) {
            size_t wanted = 2 * *size > length + n + 1 ? 2 * *size : length + n + 1;
            char *grown = emu_heap.realloc(*line, wanted);
            if (!grown) return -1;
            *line = grown;
            *size = wanted;
        }
        memcpy(*line + length, f->read_at, n);
        f->read_at += n;
        length += n;
    }
    if (!length) return -1;
    (*line)[length] = 0;
    return (ssize_t)length;
}
EXPORT ssize_t getdelim(char **restrict line, size_t *restrict size, int end, FILE *restrict f) {
    LOCKED(ssize_t, f, get_until(line, size, end, f));
}
ALSO(__getdelim, getdelim);
EXPORT ssize_t getline(char **restrict line, size_t *restrict size, FILE *restrict f) { return getdelim(line, size, '\n', f); }

/* -- state and position ---------------------------------------------------------------------- */

EXPORT int feof(FILE *f) { return (f->flags & F_EOF) != 0; }
EXPORT int ferror(FILE *f) { return (f->flags & F_ERROR) != 0; }
EXPORT void clearerr(FILE *f) { f->flags &= ~(F_EOF | F_ERROR); }
ALSO(feof_unlocked, feof);
ALSO(ferror_unlocked, ferror);
ALSO(clearerr_unlocked, clearerr);
ALSO(_IO_feof, feof);
ALSO(_IO_ferror, ferror);
EXPORT int fileno(FILE *f) {
    if (f->fd < 0) errno = EBADF;
    return f->fd < 0 ? -1 : f->fd;
}
ALSO(fileno_unlocked, fileno);

EXPORT int fseeko64(FILE *f, int64_t offset, int whence) { LOCKED(int, f, emu_file_seek(f, offset, whence)); }
EXPORT int64_t ftello64(FILE *f) { LOCKED(int64_t, f, emu_file_tell(f)); }
EXPORT int fseek(FILE *f, long offset, int whence) { return fseeko64(f, offset, whence); }
EXPORT long ftell(FILE *f) {
    int64_t offset = ftello64(f);
    if (offset == (long)offset) return (long)offset;
    errno = EOVERFLOW;
    return -1;
}
/* off_t is long to glibc's programs, and always 64 bits to musl's. */
#if __SIZEOF_LONG__ == 8
ALSO(fseeko, fseek);
ALSO(ftello, ftell);
static bool wide_positions(void) { return true; }
#else
EXPORT int __emu_fseeko(FILE *f, long a, long b, long c, long d) __asm__("fseeko");
EXPORT int __emu_fseeko(FILE *f, long a, long b, long c, long d) {
    return em_wide_offsets() ? fseeko64(f, EM_JOIN(b, c), (int)d) : fseeko64(f, a, (int)b);
}
EXPORT int64_t __emu_ftello(FILE *f) __asm__("ftello");
EXPORT int64_t __emu_ftello(FILE *f) { return em_wide_offsets() ? ftello64(f) : ftell(f); }
static bool wide_positions(void) { return em_wide_offsets(); }
#endif
EXPORT void rewind(FILE *f) {
    lock_file(f);
    emu_file_seek(f, 0, 0);
    f->flags &= ~F_ERROR;
    unlock_file(f);
}
/* The head of fpos_t is the offset, as wide as off_t. */
EXPORT int fgetpos64(FILE *restrict f, int64_t *restrict position) {
    int64_t offset = ftello64(f);
    if (offset < 0) return -1;
    *position = offset;
    return 0;
}
EXPORT int fsetpos64(FILE *f, const int64_t *position) { return fseeko64(f, *position, 0); }
EXPORT int fgetpos(FILE *restrict f, void *restrict position) {
    if (wide_positions()) return fgetpos64(f, position);
    long offset = ftell(f);
    if (offset < 0) return -1;
    *(long *)position = offset;
    return 0;
}
EXPORT int fsetpos(FILE *f, const void *position) {
    return wide_positions() ? fsetpos64(f, position) : fseek(f, *(const long *)position, 0);
}

/* -- files by name --------------------------------------------------------------------------- */

EXPORT int remove(const char *path) {
    long result = em_syscall(__NR_unlinkat, AT_FDCWD, path, 0);
    if (result == -EISDIR || result == -EPERM) {
        long as_folder = em_syscall(__NR_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
        if (as_folder != -ENOTDIR) result = as_folder;
    }
    return (int)em_result(result);
}

EXPORT void perror(const char *text) {
    const char *error = strerror(errno);
    lock_file(stderr);
    char line[512], *end = line;
    size_t n = text && *text ? strlen(text) : 0;
    if (n + strlen(error) + 4 < sizeof line) {
        if (n) end = stpcpy(mempcpy(end, text, n), ": ");
        end = stpcpy(stpcpy(end, error), "\n");
        emu_file_put(stderr, line, (size_t)(end - line));
    } else {
        emu_file_put(stderr, text, n);
        emu_file_put(stderr, ": ", 2);
        emu_file_put(stderr, error, strlen(error));
        emu_file_put(stderr, "\n", 1);
    }
    unlock_file(stderr);
}
