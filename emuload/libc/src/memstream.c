/* stdio.h: streams over memory: fmemopen and open_memstream. */
#include "file.h"

/* -- fmemopen: memory of fixed size ---------------------------------------------------------- */

struct fixed {
    char *memory;
    size_t size, end; /* end: what reading finds, and appending continues */
    int64_t at;
    bool append, own;
};

static ssize_t fixed_read(void *cookie, char *to, size_t size) {
    struct fixed *m = cookie;
    size_t left = (uint64_t)m->at < m->end ? m->end - (size_t)m->at : 0;
    if (size > left) size = left;
    memcpy(to, m->memory + m->at, size);
    m->at += (int64_t)size;
    return (ssize_t)size;
}

static ssize_t fixed_write(void *cookie, const char *from, size_t size) {
    struct fixed *m = cookie;
    size_t at = m->append ? m->end : (size_t)m->at;
    bool ends = size && !from[size - 1]; /* the text brings its final zero */
    size_t room = at < m->size ? m->size - at : 0;
    if (size > room) size = room;
    if (!size) {
        errno = ENOSPC;
        return 0;
    }
    memcpy(m->memory + at, from, size);
    m->at = (int64_t)(at + size);
    if ((size_t)m->at > m->end) {
        m->end = (size_t)m->at;
        if (!ends) {
            if (m->end < m->size) m->memory[m->end] = 0;
            else if (!m->append) m->memory[m->size - 1] = 0;
        }
    }
    return (ssize_t)size;
}

static int fixed_seek(void *cookie, int64_t *offset, int whence) {
    struct fixed *m = cookie;
    int64_t to = *offset + (whence == 0 ? 0 : whence == 1 ? m->at : (int64_t)m->end);
    if (to < 0 || to > (int64_t)m->size) {
        errno = EINVAL;
        return -1;
    }
    *offset = m->at = to;
    return 0;
}

static int fixed_close(void *cookie) {
    struct fixed *m = cookie;
    if (m->own) em_free(m->memory);
    em_free(m);
    return 0;
}

EXPORT FILE *fmemopen(void *restrict memory, size_t size, const char *restrict mode) {
    static const struct file_operations operations = {fixed_read, fixed_write, fixed_seek, fixed_close};
    int access, flags = emu_parse_mode(mode, &access);
    if (flags < 0) return NULL;
    struct fixed *m = em_calloc(1, sizeof *m);
    if (!m) return NULL;
    m->memory = memory;
    m->size = size;
    if (!memory) {
        m->own = true;
        m->memory = em_calloc(1, size ? size : 1);
        if (!m->memory) goto fail;
    } else {
        if ((uintptr_t)size > -(uintptr_t)memory) {
            errno = EINVAL;
            goto fail;
        }
        if (*mode == 'w' && !(flags & F_NO_READS) && size) m->memory[0] = 0; /* "w" alone keeps it, as in glibc */
        m->end = *mode == 'r' ? size : *mode == 'a' ? strnlen(memory, size) : 0;
    }
    m->append = *mode == 'a';
    if (m->append) m->at = (int64_t)m->end;
    FILE *f = emu_file_new(&operations, m, -1, flags);
    if (f) return f;
    if (m->own) em_free(m->memory);
fail:
    em_free(m);
    return NULL;
}

/* -- open_memstream: memory that grows ------------------------------------------------------- */

struct growing {
    char **memory;
    size_t *size;
    char *text;
    size_t room, end;
    int64_t at;
};

static bool reserve(struct growing *m, size_t room) {
    if (room < m->room) return true;
    size_t grown_room = room + 1 > 2 * m->room ? room + 1 : 2 * m->room;
    char *grown = emu_heap.realloc(m->text, grown_room);
    if (!grown) return false;
    memset(grown + m->room, 0, grown_room - m->room);
    m->text = *m->memory = grown;
    m->room = grown_room;
    return true;
}

static ssize_t growing_write(void *cookie, const char *from, size_t size) {
    struct growing *m = cookie;
    if (!reserve(m, (size_t)m->at + size)) return -1;
    memcpy(m->text + m->at, from, size);
    m->at += (int64_t)size;
    if ((size_t)m->at > m->end) m->end = (size_t)m->at;
    *m->size = (size_t)m->at;
    return (ssize_t)size;
}

static int growing_seek(void *cookie, int64_t *offset, int whence) {
    struct growing *m = cookie;
    int64_t to = *offset + (whence == 0 ? 0 : whence == 1 ? m->at : (int64_t)m->end);
    if (to < 0 || to > PTRDIFF_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (!reserve(m, (size_t)to)) return -1;
    *offset = m->at = to;
    *m->size = (size_t)to;
    return 0;
}

static int growing_close(void *cookie) {
    struct growing *m = cookie;
    m->text[*m->size] = 0;
    em_free(m);
    return 0;
}

EXPORT FILE *open_memstream(char **memory, size_t *size) {
    static const struct file_operations operations = {NULL, growing_write, growing_seek, growing_close};
    struct growing *m = em_calloc(1, sizeof *m);
    if (!m) return NULL;
    m->memory = memory;
    m->size = size;
    m->room = 64;
    m->text = *memory = emu_heap.calloc(1, m->room);
    *size = 0;
    FILE *f = m->text ? emu_file_new(&operations, m, -1, F_NO_READS) : NULL;
    if (f) return f;
    emu_heap.free(m->text);
    em_free(m);
    return NULL;
}
