/* dirent.h. The kernel's linux_dirent64 is struct dirent everywhere but in 32-bit glibc, whose plain names have 32-bit
 * numbers in front. */
#include <asm/unistd.h>
#include "wide.h"

struct entry64 { uint64_t ino; int64_t offset; unsigned short length; unsigned char type; char name[256]; };
struct entry32 { uint32_t ino; int32_t offset; unsigned short length; unsigned char type; char name[256]; };
struct directory {
    int fd, lock;
    long at, end;
    int64_t position;
    struct entry32 narrow;
    char buffer[4096] __attribute__((aligned(8)));
};
typedef struct directory DIR;

EXPORT DIR *fdopendir(int fd) {
    DIR *d = em_calloc(1, sizeof *d);
    if (!d) {
        errno = ENOMEM;
        return 0;
    }
    d->fd = fd;
    return d;
}
EXPORT DIR *opendir(const char *path) {
    long fd = em_syscall_errno(__NR_openat, -100, path,
#if defined(__x86_64__)
                               02000000 | 0200000,   /* O_CLOEXEC | O_DIRECTORY */
#else
                               02000000 | 040000,
#endif
                               0);
    return fd < 0 ? 0 : fdopendir((int)fd);
}
EXPORT int closedir(DIR *d) {
    long r = em_syscall_errno(__NR_close, d->fd);
    em_free(d);
    return (int)r;
}
EXPORT struct entry64 *readdir64(DIR *d) {
    if (d->at >= d->end) {
        long r = em_syscall_errno(__NR_getdents64, d->fd, d->buffer, sizeof d->buffer);
        if (r <= 0) return 0;
        d->at = 0;
        d->end = r;
    }
    struct entry64 *e = (struct entry64 *)(d->buffer + d->at);
    d->at += e->length;
    d->position = e->offset;
    return e;
}
#if __SIZEOF_LONG__ == 8
ASM_ALIAS(readdir, readdir64);
#else
EXPORT void *readdir(DIR *d) {
    struct entry64 *e = readdir64(d);
    if (!e || em_wide_offsets()) return e;
    d->narrow.ino = (uint32_t)e->ino;
    d->narrow.offset = (int32_t)e->offset;
    d->narrow.type = e->type;
    unsigned n = 0;
    do {
        d->narrow.name[n] = e->name[n];
    } while (e->name[n++]);
    d->narrow.length = (unsigned short)((offsetof(struct entry32, name) + n + 3) & ~3u);
    return &d->narrow;
}
#endif
EXPORT int readdir64_r(DIR *d, struct entry64 *out, struct entry64 **result) {
    int saved = errno;
    errno = 0;
    struct entry64 *e = readdir64(d);
    int error = errno;
    errno = saved;
    if (e) __builtin_memcpy(out, e, e->length);
    *result = e ? out : 0;
    return error;
}
#if __SIZEOF_LONG__ == 8
ASM_ALIAS(readdir_r, readdir64_r);
#endif
int64_t lseek64(int fd, int64_t to, int whence);
EXPORT void rewinddir(DIR *d) {
    lseek64(d->fd, 0, 0);
    d->at = d->end = 0;
    d->position = 0;
}
EXPORT void seekdir(DIR *d, long position) {
    lseek64(d->fd, position, 0);
    d->at = d->end = 0;
    d->position = position;
}
EXPORT long telldir(DIR *d) { return (long)d->position; }
EXPORT int dirfd(DIR *d) { return d->fd; }

/* -- scandir -------------------------------------------------------------------------------------------- */

void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
int strcmp(const char *a, const char *b);
#if __SIZEOF_LONG__ == 4
static const char *name_of(const void *entry) { return em_wide_offsets() ? ((const struct entry64 *)entry)->name : ((const struct entry32 *)entry)->name; }
static size_t length_of(const void *entry) { return em_wide_offsets() ? ((const struct entry64 *)entry)->length : ((const struct entry32 *)entry)->length; }
#else
void *readdir(DIR *d);
static const char *name_of(const void *entry) { return ((const struct entry64 *)entry)->name; }
static size_t length_of(const void *entry) { return ((const struct entry64 *)entry)->length; }
#endif
EXPORT int alphasort(const void **a, const void **b) { return strcmp(name_of(*a), name_of(*b)); }
EXPORT int alphasort64(const struct entry64 **a, const struct entry64 **b) { return strcmp((*a)->name, (*b)->name); }

static int collect(DIR *d, void *(*next)(DIR *), size_t (*length)(const void *), void ***out, int (*wanted)(const void *),
                   int (*compare)(const void *, const void *)) {
    void **list = 0;
    int count = 0, room = 0, saved = errno;
    if (!d) return -1;
    errno = 0;
    for (void *e; (e = next(d)) != 0;) {
        if (wanted && !wanted(e)) continue;
        if (count == room) {
            room = room * 2 + 16;
            void **wider = em_realloc(list, (size_t)room * sizeof *list);
            if (!wider) break;
            list = wider;
        }
        if (!(list[count] = em_malloc(length(e)))) break;
        __builtin_memcpy(list[count++], e, length(e));
        errno = 0;
    }
    int error = errno;
    closedir(d);
    if (error) {
        while (count) em_free(list[--count]);
        em_free(list);
        errno = error;
        return -1;
    }
    errno = saved;
    if (compare && count) qsort(list, (size_t)count, sizeof *list, compare);
    *out = list;
    return count;
}
static void *next64(DIR *d) { return readdir64(d); }
static size_t length64(const void *e) { return ((const struct entry64 *)e)->length; }
EXPORT int scandir(const char *path, void ***out, int (*wanted)(const void *), int (*compare)(const void *, const void *)) {
    return collect(opendir(path), readdir, length_of, out, wanted, compare);
}
EXPORT int scandir64(const char *path, void ***out, int (*wanted)(const void *), int (*compare)(const void *, const void *)) {
    return collect(opendir(path), next64, length64, out, wanted, compare);
}
