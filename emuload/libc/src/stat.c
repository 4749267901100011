/* sys/stat.h. One layout on 64-bit ABIs. On 32-bit ARM there are four: glibc's stat, its stat64 (the kernel's),
 * its 64-bit-time form (bits/struct_stat_time64_helper.h), and musl's (arch/arm/bits/stat.h). */
#include <asm/unistd.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include "timeconv.h"

enum form { KERNEL, NARROW, TIME64, MUSL };

#if __SIZEOF_LONG__ == 8
static int get(int dir, const char *path, void *out, int flags, enum form form) { return (int)em_syscall_errno(__NR_newfstatat, dir, path, out, flags); }
static int get_open(int fd, void *out, enum form form) { return (int)em_syscall_errno(__NR_fstat, fd, out); }
#else
struct stat_time64 {
    uint64_t dev, ino;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev;
    int64_t size;
    int32_t blksize;
    int64_t blocks __attribute__((aligned(8)));
    struct em_user_ts64 times[3];
};
struct stat_musl {
    uint64_t dev;
    int32_t dev_padding, ino_truncated;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev;
    int32_t rdev_padding;
    int64_t size __attribute__((aligned(8)));
    int32_t blksize;
    int64_t blocks __attribute__((aligned(8)));
    struct em_ts32 times32[3];
    uint64_t ino;
    struct em_user_ts64 times[3];
};
static int convert(long r, const struct stat64 *from, void *out, enum form form) {
    if (r < 0) return (int)em_result(r);
    struct em_ts64 times[3] = {{from->st_atim.tv_sec, from->st_atim.tv_nsec}, {from->st_mtim.tv_sec, from->st_mtim.tv_nsec}, {from->st_ctim.tv_sec, from->st_ctim.tv_nsec}};
    if (form == KERNEL) {
        *(struct stat64 *)out = *from;
    } else if (form == NARROW) {
        struct stat *s = out;
        if (from->st_size > INT32_MAX || from->st_ino > UINT32_MAX) return (int)em_result(-EOVERFLOW);
        *s = (struct stat){.st_dev = from->st_dev, .st_ino = (ino_t)from->st_ino, .st_mode = from->st_mode, .st_nlink = from->st_nlink,
                           .st_uid = from->st_uid, .st_gid = from->st_gid, .st_rdev = from->st_rdev, .st_size = (off_t)from->st_size,
                           .st_blksize = from->st_blksize, .st_blocks = (blkcnt_t)from->st_blocks,
                           .st_atim = from->st_atim, .st_mtim = from->st_mtim, .st_ctim = from->st_ctim};
    } else if (form == TIME64) {
        struct stat_time64 *s = out;
        *s = (struct stat_time64){.dev = from->st_dev, .ino = from->st_ino, .mode = from->st_mode, .nlink = from->st_nlink, .uid = from->st_uid,
                                  .gid = from->st_gid, .rdev = from->st_rdev, .size = from->st_size, .blksize = from->st_blksize, .blocks = from->st_blocks};
        for (int i = 0; i < 3; i++) em_ts_out(&s->times[i], 1, &times[i]);
    } else {
        struct stat_musl *s = out;
        *s = (struct stat_musl){.dev = from->st_dev, .ino_truncated = (int32_t)from->st_ino, .mode = from->st_mode, .nlink = from->st_nlink, .uid = from->st_uid,
                                .gid = from->st_gid, .rdev = from->st_rdev, .size = from->st_size, .blksize = from->st_blksize, .blocks = from->st_blocks,
                                .ino = from->st_ino};
        for (int i = 0; i < 3; i++) {
            em_ts_out(&s->times32[i], 0, &times[i]);
            em_ts_out(&s->times[i], 1, &times[i]);
        }
    }
    return 0;
}
static int get(int dir, const char *path, void *out, int flags, enum form form) {
    struct stat64 kernel;
    return convert(em_syscall(__NR_fstatat64, dir, path, &kernel, flags), &kernel, out, form);
}
static int get_open(int fd, void *out, enum form form) {
    struct stat64 kernel;
    return convert(em_syscall(__NR_fstat64, fd, &kernel), &kernel, out, form);
}
#endif

#define FAMILY(stat_, lstat_, fstat_, fstatat_, form) \
    EXPORT int stat_(const char *path, void *out) { return get(AT_FDCWD, path, out, 0, form); } \
    EXPORT int lstat_(const char *path, void *out) { return get(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW, form); } \
    EXPORT int fstat_(int fd, void *out) { return get_open(fd, out, form); } \
    EXPORT int fstatat_(int dir, const char *path, void *out, int flags) { return get(dir, path, out, flags, form); }
#define XFAMILY(stat_, lstat_, fstat_, fstatat_, form) \
    EXPORT int stat_(int version, const char *path, void *out) { return get(AT_FDCWD, path, out, 0, form); } \
    EXPORT int lstat_(int version, const char *path, void *out) { return get(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW, form); } \
    EXPORT int fstat_(int version, int fd, void *out) { return get_open(fd, out, form); } \
    EXPORT int fstatat_(int version, int dir, const char *path, void *out, int flags) { return get(dir, path, out, flags, form); }

/* The headers declare these with their structures; the names are given in assembly to keep out of their way. */
FAMILY(em_stat64, em_lstat64, em_fstat64, em_fstatat64, KERNEL)
XFAMILY(__xstat64, __lxstat64, __fxstat64, __fxstatat64, KERNEL)
ASM_ALIAS(stat64, em_stat64);
ASM_ALIAS(lstat64, em_lstat64);
ASM_ALIAS(fstat64, em_fstat64);
ASM_ALIAS(fstatat64, em_fstatat64);
#if __SIZEOF_LONG__ == 8
ASM_ALIAS(stat, em_stat64);
ASM_ALIAS(lstat, em_lstat64);
ASM_ALIAS(fstat, em_fstat64);
ASM_ALIAS(fstatat, em_fstatat64);
ASM_ALIAS(__xstat, __xstat64);
ASM_ALIAS(__lxstat, __lxstat64);
ASM_ALIAS(__fxstat, __fxstat64);
ASM_ALIAS(__fxstatat, __fxstatat64);
#else
FAMILY(em_stat, em_lstat, em_fstat, em_fstatat, NARROW)
XFAMILY(__xstat, __lxstat, __fxstat, __fxstatat, NARROW)
FAMILY(__stat64_time64, __lstat64_time64, __fstat64_time64, __fstatat64_time64, TIME64)
FAMILY(__stat_time64, __lstat_time64, __fstat_time64, __fstatat_time64, MUSL)
ASM_ALIAS(stat, em_stat);
ASM_ALIAS(lstat, em_lstat);
ASM_ALIAS(fstat, em_fstat);
ASM_ALIAS(fstatat, em_fstatat);
#endif

EXPORT int em_statx(int dir, const char *path, int flags, unsigned mask, void *out) __asm__("statx");
EXPORT int em_statx(int dir, const char *path, int flags, unsigned mask, void *out) { return (int)em_syscall_errno(__NR_statx, dir, path, flags, mask, out); }

static int set_times(int dir, const char *path, const struct em_ts64 *times, int flags) { return (int)em_syscall_errno(EM_NR64_TIME(utimensat), dir, path, times, flags); }
static const struct em_ts64 *two_times(const void *from, int wide, struct em_ts64 to[2], int scale) {
    if (!from) return 0;
    for (int i = 0; i < 2; i++) {
        em_ts_in((const char *)from + (size_t)i * (wide ? sizeof(struct em_user_ts64) : sizeof(struct em_ts32)), wide, &to[i]);
        to[i].nsec *= scale;
    }
    return to;
}
EM_TIMED(int, utimensat, __utimensat64, __utimensat_time64, (int dir, const char *path, const struct timespec times[2], int flags),
         { struct em_ts64 t[2]; return set_times(dir, path, two_times(times, wide, t, 1), flags); })
EM_TIMED(int, futimens, __futimens64, __futimens_time64, (int fd, const struct timespec times[2]),
         { struct em_ts64 t[2]; return set_times(fd, 0, two_times(times, wide, t, 1), 0); })

EM_TIMED(int, utimes, __utimes64, __utimes_time64, (const char *path, const struct timeval times[2]),
         { struct em_ts64 t[2]; return set_times(AT_FDCWD, path, two_times(times, wide, t, 1000), 0); })

EXPORT int em_statfs(const char *path, void *out) __asm__("statfs64");
EXPORT int em_fstatfs(int fd, void *out) __asm__("fstatfs64");
#ifdef __NR_statfs64
EXPORT int em_statfs(const char *path, void *out) { return (int)em_syscall_errno(__NR_statfs64, path, sizeof(struct statfs64), out); }
EXPORT int em_fstatfs(int fd, void *out) { return (int)em_syscall_errno(__NR_fstatfs64, fd, sizeof(struct statfs64), out); }
#else
EXPORT int em_statfs(const char *path, void *out) { return (int)em_syscall_errno(__NR_statfs, path, out); }
EXPORT int em_fstatfs(int fd, void *out) { return (int)em_syscall_errno(__NR_fstatfs, fd, out); }
ASM_ALIAS(statfs, statfs64);
ASM_ALIAS(fstatfs, fstatfs64);
#endif
