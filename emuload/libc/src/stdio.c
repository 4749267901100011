/* stdio.h: streams, their buffers, their locks, their list.
 *
 * Buffering follows what a program sees on Linux: stdout goes by lines on a terminal and by blocks elsewhere,
 * stderr not at all; reading from a terminal's or an unbuffered stream first writes out a line-buffered stdout; exit
 * writes everything out and moves the position of what was read ahead back to where the program is. */
#include "file.h"
#include <sys/mman.h>

enum { BLOCK = 4096, TERMINAL_BLOCK = 1024 };

/* -- file descriptors ------------------------------------------------------------------------ */

static ssize_t fd_read(void *cookie, char *buffer, size_t size) {
    return em_syscall_errno(__NR_read, ((FILE *)cookie)->fd, buffer, size);
}
static ssize_t fd_write(void *cookie, const char *data, size_t size) {
    return em_syscall_errno(__NR_write, ((FILE *)cookie)->fd, data, size);
}
static int fd_seek(void *cookie, int64_t *offset, int whence) {
    int fd = ((FILE *)cookie)->fd;
#ifdef __NR__llseek
    int64_t result;
    if (em_syscall_errno(__NR__llseek, fd, (uint32_t)(*offset >> 32), (uint32_t)*offset, &result, whence)) return -1;
#else
    int64_t result = em_syscall_errno(__NR_lseek, fd, *offset, whence);
    if (result < 0) return -1;
#endif
    *offset = result;
    return 0;
}
static int fd_close(void *cookie) { return (int)em_syscall_errno(__NR_close, ((FILE *)cookie)->fd); }

HIDDEN const struct file_operations emu_fd_operations = {fd_read, fd_write, fd_seek, fd_close};

#define STANDARD(number, more, previous_, next_) \
    {.flags = F_STATIC | F_LINKED | (more), .fd = number, .cookie = NULL, .previous = previous_, .next = next_, \
     .operations = {fd_read, fd_write, fd_seek, fd_close}}
HIDDEN struct file emu_stdin = STANDARD(0, F_NO_WRITES, &emu_stdout, NULL);
HIDDEN struct file emu_stdout = STANDARD(1, F_NO_READS, &emu_stderr, &emu_stdin);
HIDDEN struct file emu_stderr = STANDARD(2, F_NO_READS | F_UNBUFFERED | F_MODE_SET, NULL, &emu_stdout);
EXPORT FILE *stdin = &emu_stdin;
EXPORT FILE *stdout = &emu_stdout;
EXPORT FILE *stderr = &emu_stderr;
extern EXPORT struct file _IO_2_1_stdin_ __attribute__((alias("emu_stdin")));
extern EXPORT struct file _IO_2_1_stdout_ __attribute__((alias("emu_stdout")));
extern EXPORT struct file _IO_2_1_stderr_ __attribute__((alias("emu_stderr")));

/* -- the list of open streams, newest first -------------------------------------------------- */

static int list_lock;
static FILE *newest = &emu_stderr;

HIDDEN void emu_file_link(FILE *f) {
    em_lock(&list_lock);
    f->flags |= F_LINKED;
    f->previous = NULL;
    f->next = newest;
    if (newest) newest->previous = f;
    newest = f;
    em_unlock(&list_lock);
}

static void unlink_file(FILE *f) {
    em_lock(&list_lock);
    if (f->previous) f->previous->next = f->next;
    else if (newest == f) newest = f->next;
    if (f->next) f->next->previous = f->previous;
    f->flags &= ~F_LINKED;
    em_unlock(&list_lock);
}

HIDDEN FILE *emu_file_new(const struct file_operations *operations, void *cookie, int fd, int flags) {
    FILE *f = em_calloc(1, sizeof *f);
    if (!f) return NULL;
    f->flags = flags;
    f->fd = fd;
    f->operations = *operations;
    f->cookie = operations == &emu_fd_operations ? f : cookie;
    emu_file_link(f);
    return f;
}

/* -- locks ----------------------------------------------------------------------------------- */

EXPORT void flockfile(FILE *f) {
    void *self = em_self();
    if (f->owner != self) {
        em_lock(&f->lock);
        f->owner = self;
    }
    f->depth++;
}
EXPORT void funlockfile(FILE *f) {
    if (--f->depth) return;
    f->owner = NULL;
    em_unlock(&f->lock);
}
EXPORT int ftrylockfile(FILE *f) {
    void *self = em_self();
    if (f->owner != self) {
        int unlocked = 0;
        if (!__atomic_compare_exchange_n(&f->lock, &unlocked, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return -1;
        f->owner = self;
    }
    f->depth++;
    return 0;
}
ALSO(_IO_flockfile, flockfile);
ALSO(_IO_funlockfile, funlockfile);

EXPORT int __fsetlocking(FILE *f, int type) {
    int old = f->flags & F_USER_LOCK ? 2 : 1;
    if (type == 1) f->flags &= ~F_USER_LOCK;
    else if (type == 2) f->flags |= F_USER_LOCK;
    return old;
}

/* -- buffers --------------------------------------------------------------------------------- */

static inline void *cookie_of(FILE *f) { return f->cookie ? f->cookie : f; }

static bool is_terminal(int fd) {
    char settings[64];
    return fd >= 0 && em_syscall(__NR_ioctl, fd, 0x5401 /* TCGETS */, settings) == 0;
}

static void give_buffer(FILE *f) {
    if (f->buffer) return;
    if (!(f->flags & F_UNBUFFERED)) {
        bool terminal = f->operations.write == fd_write && is_terminal(f->fd);
        size_t size = terminal ? TERMINAL_BLOCK : BLOCK;
        if (terminal && !(f->flags & F_MODE_SET)) f->flags |= F_LINES;
        f->buffer = em_malloc(size);
        f->buffer_end = f->buffer + size;
    }
    if (!f->buffer) {
        f->flags |= F_UNBUFFERED | F_USER_BUFFER;
        f->buffer = f->single;
        f->buffer_end = f->single + 1;
    }
}

static void drop_buffer(FILE *f) {
    if (f->buffer && !(f->flags & F_USER_BUFFER)) em_free(f->buffer);
    f->flags &= ~F_USER_BUFFER;
    f->buffer = f->buffer_end = NULL;
    f->read_at = f->read_end = f->read_base = NULL;
    f->write_at = f->write_end = f->write_base = NULL;
}

/* Writes all of it unless an error comes; returns how much went out. */
static size_t write_out(FILE *f, const char *data, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = f->operations.write ? f->operations.write(cookie_of(f), data + done, size - done) : (ssize_t)(size - done);
        if (n <= 0) {
            f->flags |= F_ERROR;
            break;
        }
        done += (size_t)n;
    }
    return done;
}

HIDDEN int emu_file_flush(FILE *f) {
    size_t pending = (size_t)(f->write_at - f->write_base);
    if (!(f->flags & F_WRITING) || !pending) return 0;
    size_t done = write_out(f, f->write_base, pending);
    f->write_at = f->write_base; /* what could not be written is lost, here as in glibc */
    return done == pending ? 0 : STREAM_EOF;
}

static void leave_push_back(FILE *f) {
    if (!(f->flags & F_PUSHED)) return;
    f->flags &= ~F_PUSHED;
    f->read_at = f->saved_at;
    f->read_base = f->saved_base;
    f->read_end = f->saved_end;
}

/* Forgets what was read ahead and moves the file's position back to the reader's. */
static void give_back(FILE *f) {
    int64_t ahead = f->read_end - f->read_at;
    if (f->flags & F_PUSHED) ahead += f->saved_end - f->saved_at;
    leave_push_back(f);
    int kept = errno;
    int64_t offset = -ahead;
    if (ahead && f->operations.seek && f->operations.seek(cookie_of(f), &offset, 1)) errno = kept;
    f->read_at = f->read_end = f->read_base = f->buffer;
}

static bool start_writing(FILE *f) {
    if (f->flags & F_WRITING) return true;
    if (f->flags & F_NO_WRITES) {
        f->flags |= F_ERROR;
        errno = EBADF;
        return false;
    }
    give_buffer(f);
    if (f->read_end != f->read_at || f->flags & F_PUSHED) give_back(f);
    f->read_at = f->read_end = f->read_base = NULL;
    f->flags |= F_WRITING;
    f->write_base = f->write_at = f->buffer;
    f->write_end = f->flags & (F_LINES | F_UNBUFFERED) ? f->buffer : f->buffer_end;
    return true;
}

static int stop_writing(FILE *f) {
    int result = emu_file_flush(f);
    f->flags &= ~F_WRITING;
    f->write_base = f->write_at = f->write_end = NULL;
    return result;
}

EXPORT int __overflow(FILE *f, int c) {
    if (!start_writing(f)) return STREAM_EOF;
    char byte = (char)c;
    if (c == STREAM_EOF) return emu_file_flush(f);
    if (f->flags & F_UNBUFFERED) return write_out(f, &byte, 1) ? (unsigned char)byte : STREAM_EOF;
    if (f->write_at == f->buffer_end && emu_file_flush(f)) return STREAM_EOF;
    *f->write_at++ = byte;
    if (f->flags & F_LINES && byte == '\n' && emu_file_flush(f)) return STREAM_EOF;
    return (unsigned char)byte;
}

/* Into the buffer, which has room for whatever does not go out by lines. */
static size_t put_rest(FILE *f, const char *data, size_t size) {
    if (!(f->flags & F_LINES)) {
        memcpy(f->write_at, data, size);
        f->write_at += size;
        return size;
    }
    for (size_t i = 0; i < size; i++)
        if (__overflow(f, (unsigned char)data[i]) < 0) return i;
    return size;
}

/* The pieces in which text leaves are glibc's (_IO_new_file_xsputn), because readers of pipes and terminals see them:
 * a buffer already in use is filled up; then, or at the last newline, it is written; whole blocks of the rest go out
 * directly (all of it from small buffers); what is left is buffered. */
HIDDEN size_t emu_file_put(FILE *f, const char *data, size_t size) {
    bool in_use = f->flags & F_WRITING, ends_line = false;
    if (!size || !start_writing(f)) return 0;
    if (f->flags & F_UNBUFFERED) return write_out(f, data, size);
    size_t room = in_use ? (size_t)(f->buffer_end - f->write_at) : 0, taken = size < room ? size : room;
    if (f->flags & F_LINES && in_use && room >= size) {
        const char *newline = memrchr(data, '\n', size);
        if (newline) {
            taken = (size_t)(newline + 1 - data);
            ends_line = true;
        }
    }
    memcpy(f->write_at, data, taken);
    f->write_at += taken;
    size_t left = size - taken;
    if (!left && !ends_line) return size;
    if (emu_file_flush(f)) return left ? taken : 0;
    size_t block = (size_t)(f->buffer_end - f->buffer), direct = left - (block >= 128 ? left % block : 0);
    size_t done = direct ? write_out(f, data + taken, direct) : 0;
    if (done < direct) return taken + done;
    return taken + done + put_rest(f, data + taken + done, left - done);
}

HIDDEN bool emu_file_fill(FILE *f) {
    if (f->flags & F_PUSHED) {
        leave_push_back(f);
        if (f->read_at < f->read_end) return true;
    }
    if (f->flags & F_EOF) return false;
    if (f->flags & F_NO_READS) {
        f->flags |= F_ERROR;
        errno = EBADF;
        return false;
    }
    if (f->flags & F_WRITING && stop_writing(f)) return false;
    give_buffer(f);
    if (f->flags & (F_LINES | F_UNBUFFERED) && emu_stdout.flags & F_LINES && f != &emu_stdout) {
        lock_file(&emu_stdout);
        emu_file_flush(&emu_stdout);
        unlock_file(&emu_stdout);
    }
    f->read_base = f->read_at = f->read_end = f->buffer;
    ssize_t n = f->operations.read ? f->operations.read(cookie_of(f), f->buffer, (size_t)(f->buffer_end - f->buffer)) : 0;
    if (n <= 0) {
        f->flags |= n ? F_ERROR : F_EOF;
        return false;
    }
    f->read_end = f->buffer + n;
    return true;
}

EXPORT int __underflow(FILE *f) {
    return f->read_at < f->read_end || emu_file_fill(f) ? (unsigned char)*f->read_at : STREAM_EOF;
}
EXPORT int __uflow(FILE *f) {
    return f->read_at < f->read_end || emu_file_fill(f) ? (unsigned char)*f->read_at++ : STREAM_EOF;
}

HIDDEN size_t emu_file_get(FILE *f, char *to, size_t size) {
    size_t left = size;
    while (left) {
        size_t ready = (size_t)(f->read_end - f->read_at);
        if (ready) {
            size_t n = ready < left ? ready : left;
            memcpy(to, f->read_at, n);
            f->read_at += n;
            to += n;
            left -= n;
            continue;
        }
        size_t block = f->buffer ? (size_t)(f->buffer_end - f->buffer) : 0;
        if (block && left >= block && !(f->flags & (F_PUSHED | F_WRITING | F_EOF | F_NO_READS | F_LINES | F_UNBUFFERED)) &&
            f->operations.read) {
            ssize_t n = f->operations.read(cookie_of(f), to, left / block * block);
            if (n <= 0) {
                f->flags |= n ? F_ERROR : F_EOF;
                break;
            }
            to += n;
            left -= (size_t)n;
        } else if (!emu_file_fill(f)) {
            break;
        }
    }
    return size - left;
}

HIDDEN int emu_file_unget(FILE *f, int c) {
    if (c == STREAM_EOF) return STREAM_EOF;
    if (f->flags & F_NO_READS) return STREAM_EOF;
    if (f->flags & F_WRITING && stop_writing(f)) return STREAM_EOF;
    if (!(f->flags & F_PUSHED)) {
        if (f->read_at > f->read_base && f->read_at[-1] == (char)c) {
            f->read_at--;
            f->flags &= ~F_EOF;
            return (unsigned char)c;
        }
        f->saved_at = f->read_at;
        f->saved_base = f->read_base;
        f->saved_end = f->read_end;
        f->flags |= F_PUSHED;
        f->read_base = f->pushed;
        f->read_at = f->read_end = f->pushed + PUSH_BACK;
    }
    if (f->read_at == f->read_base) return STREAM_EOF;
    *--f->read_at = (char)c;
    f->flags &= ~F_EOF;
    return (unsigned char)c;
}

/* -- position -------------------------------------------------------------------------------- */

HIDDEN int64_t emu_file_tell(FILE *f) {
    int64_t offset = 0;
    if (!f->operations.seek) {
        errno = ESPIPE;
        return -1;
    }
    bool at_end = f->flags & F_WRITING && f->flags & F_APPEND && f->write_at > f->write_base;
    if (f->operations.seek(cookie_of(f), &offset, at_end ? 2 : 1)) return -1;
    if (f->flags & F_WRITING) return offset + (f->write_at - f->write_base);
    offset -= f->read_end - f->read_at;
    if (f->flags & F_PUSHED) offset -= f->saved_end - f->saved_at;
    return offset;
}

HIDDEN int emu_file_seek(FILE *f, int64_t offset, int whence) {
    if (!f->operations.seek) {
        errno = ESPIPE;
        return -1;
    }
    if (whence < 0 || whence > 2) {
        errno = EINVAL;
        return -1;
    }
    if (f->flags & F_WRITING) {
        if (emu_file_flush(f)) return -1;
    } else if (whence == 1) {
        offset -= f->read_end - f->read_at;
        if (f->flags & F_PUSHED) offset -= f->saved_end - f->saved_at;
    }
    if (f->operations.seek(cookie_of(f), &offset, whence)) return -1;
    if (f->flags & F_WRITING) {
        stop_writing(f);
    } else {
        leave_push_back(f);
        f->read_at = f->read_end = f->read_base = f->buffer;
    }
    f->flags &= ~F_EOF;
    return 0;
}

HIDDEN int emu_file_sync(FILE *f) {
    if (f->flags & F_WRITING) return emu_file_flush(f);
    if (f->read_end != f->read_at || f->flags & F_PUSHED) give_back(f);
    return 0;
}

/* -- flushing and closing -------------------------------------------------------------------- */

static int flush_all(void) {
    int result = 0;
    em_lock(&list_lock);
    for (FILE *f = newest; f; f = f->next) {
        lock_file(f);
        if (f->flags & F_WRITING && emu_file_flush(f)) result = STREAM_EOF;
        unlock_file(f);
    }
    em_unlock(&list_lock);
    return result;
}

EXPORT int fflush_unlocked(FILE *f) { return f ? emu_file_sync(f) : flush_all(); }
EXPORT int fflush(FILE *f) {
    if (!f) return flush_all();
    lock_file(f);
    int result = emu_file_sync(f);
    unlock_file(f);
    return result;
}
EXPORT void _flushlbf(void) { flush_all(); }

/* At exit nobody may hold the process up: a stream whose lock is taken is flushed without it. */
HIDDEN void em_stdio_exit(void) {
    for (FILE *f = newest; f; f = f->next) {
        bool locked = f->flags & F_USER_LOCK || !ftrylockfile(f);
        emu_file_sync(f);
        if (f->flags & F_WRITING) {
            stop_writing(f);
            f->flags |= F_UNBUFFERED;
        }
        if (locked) unlock_file(f);
    }
}

EXPORT int fclose(FILE *f) {
    unlink_file(f);
    lock_file(f);
    int result = emu_file_sync(f), error = errno;
    if (f->operations.close && f->operations.close(cookie_of(f))) {
        result = STREAM_EOF;
        error = errno;
    }
    drop_buffer(f);
    f->fd = -1;
    bool allocated = !(f->flags & F_STATIC);
    f->flags |= F_NO_READS | F_NO_WRITES;
    unlock_file(f);
    if (result) errno = error;
    if (allocated) em_free(f);
    return result;
}
ALSO(_IO_fclose, fclose);

EXPORT int fcloseall(void) {
    flush_all();
    return 0;
}

EXPORT int setvbuf(FILE *f, char *buffer, int mode, size_t size) {
    if (mode < 0 || mode > 2) return -1;
    lock_file(f);
    if (f->flags & F_WRITING) stop_writing(f);
    f->flags = (f->flags & ~(F_LINES | F_UNBUFFERED)) | F_MODE_SET | (mode == 1 ? F_LINES : mode == 2 ? F_UNBUFFERED : 0);
    bool wants = mode == 2 || (buffer && size);
    if (wants && f->read_at == f->read_end && !(f->flags & F_PUSHED)) {
        drop_buffer(f);
        if (mode != 2) {
            f->flags |= F_USER_BUFFER;
            f->buffer = buffer;
            f->buffer_end = buffer + size;
        }
    }
    unlock_file(f);
    return 0;
}
EXPORT void setbuffer(FILE *f, char *buffer, size_t size) { setvbuf(f, buffer, buffer ? 0 : 2, size); }
EXPORT void setbuf(FILE *f, char *buffer) { setbuffer(f, buffer, 8192); }
EXPORT void setlinebuf(FILE *f) { setvbuf(f, NULL, 1, 0); }

/* -- stdio_ext.h ----------------------------------------------------------------------------- */

EXPORT size_t __fbufsize(FILE *f) { return (size_t)(f->buffer_end - f->buffer); }
EXPORT size_t __fpending(FILE *f) { return (size_t)(f->write_at - f->write_base); }
EXPORT int __freading(FILE *f) { return f->flags & F_NO_WRITES || (!(f->flags & F_WRITING) && f->read_base); }
EXPORT int __fwriting(FILE *f) { return f->flags & (F_NO_READS | F_WRITING); }
EXPORT int __freadable(FILE *f) { return !(f->flags & F_NO_READS); }
EXPORT int __fwritable(FILE *f) { return !(f->flags & F_NO_WRITES); }
EXPORT int __flbf(FILE *f) { return f->flags & F_LINES; }
EXPORT void __fpurge(FILE *f) {
    leave_push_back(f);
    f->read_at = f->read_end;
    f->write_at = f->write_base;
}
EXPORT void __fseterr(FILE *f) { f->flags |= F_ERROR; }
