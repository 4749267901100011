/* stdio.h: the printf family's functions, over streams, strings and file descriptors. */
#include "file.h"
#include "format.h"

/* -- into a stream --------------------------------------------------------------------------- */

struct stream_sink {
    struct sink sink;
    FILE *file;
    size_t used;
    char pending[1024]; /* an unbuffered stream still gets one write for one call */
};

static void put_stream(struct sink *sink, const char *data, size_t size) {
    FILE *f = ((struct stream_sink *)sink)->file;
    if (emu_file_put(f, data, size) < size) sink->failed = true;
}

static void write_pending(struct stream_sink *s) {
    if (s->used && emu_file_put(s->file, s->pending, s->used) < s->used) s->sink.failed = true;
    s->used = 0;
}

static void put_pending(struct sink *sink, const char *data, size_t size) {
    struct stream_sink *s = (struct stream_sink *)sink;
    while (size) {
        size_t room = sizeof s->pending - s->used, n = size < room ? size : room;
        memcpy(s->pending + s->used, data, n);
        s->used += n;
        data += n;
        size -= n;
        if (s->used == sizeof s->pending) write_pending(s);
    }
}

EXPORT int vfprintf(FILE *restrict f, const char *restrict format, va_list arguments) {
    struct stream_sink s;
    lock_file(f);
    s.sink = (struct sink){f->flags & F_UNBUFFERED ? put_pending : put_stream, 0, false};
    s.file = f;
    s.used = 0;
    int result = -1;
    if (f->flags & F_NO_WRITES) {
        f->flags |= F_ERROR;
        errno = EBADF;
    } else {
        result = emu_format(&s.sink, format, arguments);
        write_pending(&s);
    }
    unlock_file(f);
    return result || s.sink.failed ? -1 : (int)s.sink.total;
}
ALSO(_IO_vfprintf, vfprintf);

/* -- into memory ----------------------------------------------------------------------------- */

struct memory_sink {
    struct sink sink;
    char *at, *end; /* end is where the final zero must fit */
};

static void put_memory(struct sink *sink, const char *data, size_t size) {
    struct memory_sink *m = (struct memory_sink *)sink;
    size_t room = (size_t)(m->end - m->at), n = size < room ? size : room;
    memcpy(m->at, data, n);
    m->at += n;
}

EXPORT int vsnprintf(char *restrict to, size_t size, const char *restrict format, va_list arguments) {
    char none;
    if (!size) to = &none;
    else if (size > (size_t)-(uintptr_t)to) size = (size_t)-(uintptr_t)to; /* up to the end of memory */
    struct memory_sink m = {{put_memory, 0, false}, to, to + (size ? size - 1 : 0)};
    int result = emu_format(&m.sink, format, arguments);
    *m.at = 0;
    return result ? -1 : (int)m.sink.total;
}

EXPORT int vsprintf(char *restrict to, const char *restrict format, va_list arguments) {
    return vsnprintf(to, SIZE_MAX, format, arguments);
}
ALSO(_IO_vsprintf, vsprintf);

EXPORT int vasprintf(char **restrict result, const char *restrict format, va_list arguments) {
    char small[256];
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(small, sizeof small, format, arguments);
    char *text = size < 0 ? NULL : emu_heap.malloc((size_t)size + 1);
    if (text) {
        if ((size_t)size < sizeof small) memcpy(text, small, (size_t)size + 1);
        else vsnprintf(text, (size_t)size + 1, format, again);
    }
    va_end(again);
    *result = text;
    return text ? size : -1;
}

/* -- into a file descriptor ------------------------------------------------------------------ */

EXPORT int vdprintf(int fd, const char *restrict format, va_list arguments) {
    struct file f = {.flags = F_STATIC | F_UNBUFFERED | F_USER_LOCK | F_NO_READS, .fd = fd, .operations = emu_fd_operations};
    return vfprintf(&f, format, arguments);
}

EXPORT int vprintf(const char *restrict format, va_list arguments) { return vfprintf(stdout, format, arguments); }

/* -- "..." ----------------------------------------------------------------------------------- */

#define WITH_ARGUMENTS(last, call) \
    do { \
        va_list arguments; \
        va_start(arguments, last); \
        int result_ = call; \
        va_end(arguments); \
        return result_; \
    } while (0)

EXPORT int printf(const char *restrict format, ...) { WITH_ARGUMENTS(format, vfprintf(stdout, format, arguments)); }
EXPORT int fprintf(FILE *restrict f, const char *restrict format, ...) { WITH_ARGUMENTS(format, vfprintf(f, format, arguments)); }
EXPORT int dprintf(int fd, const char *restrict format, ...) { WITH_ARGUMENTS(format, vdprintf(fd, format, arguments)); }
EXPORT int sprintf(char *restrict to, const char *restrict format, ...) { WITH_ARGUMENTS(format, vsprintf(to, format, arguments)); }
EXPORT int snprintf(char *restrict to, size_t size, const char *restrict format, ...) {
    WITH_ARGUMENTS(format, vsnprintf(to, size, format, arguments));
}
EXPORT int asprintf(char **restrict result, const char *restrict format, ...) {
    WITH_ARGUMENTS(format, vasprintf(result, format, arguments));
}
ALSO(_IO_printf, printf);
ALSO(_IO_fprintf, fprintf);
ALSO(_IO_sprintf, sprintf);
ALSO(__asprintf, asprintf);
ALSO(__snprintf, snprintf);
ALSO(__vsnprintf, vsnprintf);

/* -- fortify forms: flag asks for checks of %n, which every format here passes ---------------- */

EXPORT int __vfprintf_chk(FILE *f, int flag, const char *format, va_list arguments) { return vfprintf(f, format, arguments); }
EXPORT int __vprintf_chk(int flag, const char *format, va_list arguments) { return vfprintf(stdout, format, arguments); }
EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments) { return vdprintf(fd, format, arguments); }
EXPORT int __vasprintf_chk(char **result, int flag, const char *format, va_list arguments) {
    return vasprintf(result, format, arguments);
}
EXPORT int __vsnprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, va_list arguments) {
    if (size > room) emu_fortify_fail();
    return vsnprintf(to, size, format, arguments);
}
EXPORT int __vsprintf_chk(char *to, int flag, size_t room, const char *format, va_list arguments) {
    if (!room) emu_fortify_fail();
    int n = vsnprintf(to, room, format, arguments);
    if (n >= 0 && (size_t)n >= room) emu_fortify_fail();
    return n;
}
EXPORT int __printf_chk(int flag, const char *format, ...) { WITH_ARGUMENTS(format, vfprintf(stdout, format, arguments)); }
EXPORT int __fprintf_chk(FILE *f, int flag, const char *format, ...) { WITH_ARGUMENTS(format, vfprintf(f, format, arguments)); }
EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...) { WITH_ARGUMENTS(format, vdprintf(fd, format, arguments)); }
EXPORT int __asprintf_chk(char **result, int flag, const char *format, ...) {
    WITH_ARGUMENTS(format, vasprintf(result, format, arguments));
}
EXPORT int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...) {
    WITH_ARGUMENTS(format, __vsnprintf_chk(to, size, flag, room, format, arguments));
}
EXPORT int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...) {
    WITH_ARGUMENTS(format, __vsprintf_chk(to, flag, room, format, arguments));
}
