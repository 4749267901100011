/* The stream behind FILE, and what the stdio files share.
 *
 * The head has glibc's public layout (struct _IO_FILE of <bits/types/struct_FILE.h>), because programs
 * compiled with optimisation reach into it: getc_unlocked and putc_unlocked use the read and write pointers and
 * call __uflow or __overflow when these run out; feof_unlocked and ferror_unlocked test flag bits. */
#ifndef EMU_FILE_H
#define EMU_FILE_H

#include "lib.h"

enum file_flag {
    F_USER_BUFFER = 0x1,  /* the buffer is not ours to free */
    F_UNBUFFERED = 0x2,
    F_NO_READS = 0x4,
    F_NO_WRITES = 0x8,
    F_EOF = 0x10,
    F_ERROR = 0x20,
    F_LINKED = 0x80,      /* on the list of open streams */
    F_PUSHED = 0x100,     /* reading from `pushed`; what was being read waits in saved_* */
    F_LINES = 0x200,
    F_WRITING = 0x800,
    F_APPEND = 0x1000,
    F_STATIC = 0x2000,    /* not allocated: the three standard streams, and streams on the stack */
    F_MODE_SET = 0x4000,  /* setvbuf chose the buffering */
    F_USER_LOCK = 0x8000, /* __fsetlocking: the caller locks */
};

typedef struct file FILE;

/* The same shape as cookie_io_functions_t. */
struct file_operations {
    ssize_t (*read)(void *cookie, char *buffer, size_t size);
    ssize_t (*write)(void *cookie, const char *data, size_t size);
    int (*seek)(void *cookie, int64_t *offset, int whence);
    int (*close)(void *cookie);
};

enum { PUSH_BACK = 16 };

struct file {
    int flags;
    char *read_at, *read_end, *read_base;
    char *write_base, *write_at, *write_end; /* write_end is write_base on line-buffered and unbuffered streams */
    char *buffer, *buffer_end;
    char *saved_at, *saved_base, *saved_end;
    void *markers;
    struct file *next;
    int fd;
    int flags2;
    struct file *previous;
    struct file_operations operations;
    void *cookie;
    int lock;
    int orientation;
    unsigned depth; /* how often the owner holds the lock */
    void *owner;
    int child; /* popen's process */
    char single[1];
    char pushed[PUSH_BACK];
};

extern EXPORT FILE *stdin, *stdout, *stderr;
extern HIDDEN struct file emu_stdin, emu_stdout, emu_stderr;

#define STREAM_EOF (-1)

int fclose(FILE *f);
void flockfile(FILE *f);
void funlockfile(FILE *f);
static inline void lock_file(FILE *f) {
    if (!(f->flags & F_USER_LOCK)) flockfile(f);
}
static inline void unlock_file(FILE *f) {
    if (!(f->flags & F_USER_LOCK)) funlockfile(f);
}

/* Unlocked building blocks. */
HIDDEN size_t emu_file_put(FILE *f, const char *data, size_t size); /* how much was taken */
HIDDEN size_t emu_file_get(FILE *f, char *buffer, size_t size);
HIDDEN int emu_file_flush(FILE *f);          /* 0 | EOF: writes what is buffered */
HIDDEN int emu_file_sync(FILE *f);           /* the same, and gives back what was read ahead */
HIDDEN bool emu_file_fill(FILE *f);          /* more to read? */
HIDDEN int emu_file_unget(FILE *f, int c);
HIDDEN int64_t emu_file_tell(FILE *f);
HIDDEN int emu_file_seek(FILE *f, int64_t offset, int whence);
HIDDEN FILE *emu_file_new(const struct file_operations *operations, void *cookie, int fd, int flags);
HIDDEN void emu_file_link(FILE *f);
HIDDEN int emu_parse_mode(const char *mode, int *open_flags); /* stream flags | -1 with EINVAL */
HIDDEN extern const struct file_operations emu_fd_operations;
int __uflow(FILE *f);
int __overflow(FILE *f, int c);

static inline int get_byte(FILE *f) {
    return LIKELY(f->read_at < f->read_end) ? (unsigned char)*f->read_at++ : __uflow(f);
}
static inline int put_byte(FILE *f, int c) {
    return LIKELY(f->write_at < f->write_end) ? (unsigned char)(*f->write_at++ = (char)c) : __overflow(f, c);
}

#endif
