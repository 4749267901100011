/* unistd.h and fcntl.h: descriptors. Prototypes are written out here, because the headers' ones are redirected by
 * the width of off_t. Plain names with an offset, on 32-bit ABIs: 32 bits wide in glibc, 64 in musl; the words after the
 * arguments are read accordingly (AAPCS 6.5: 64-bit arguments take an even pair of registers or an aligned stack slot). */
#include <stdarg.h>
#include "wide.h"
#include "timeconv.h"

#define AT_FDCWD (-100)
#define O_CREAT 0100
#define O_TMPFILE_BIT 020000000
typedef long ssize;

/* -- opening ------------------------------------------------------------------------------------- */

#if __SIZEOF_LONG__ == 8
enum { LARGEFILE = 0 };
#else
enum { LARGEFILE = 0400000 };
#endif
#define MODE_ARGUMENT(flags) \
    int mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE_BIT)) { \
        va_list list; \
        va_start(list, flags); \
        mode = va_arg(list, int); \
        va_end(list); \
    }

EXPORT int open(const char *path, int flags, ...) {
    MODE_ARGUMENT(flags)
    return (int)em_syscall_cp_errno(__NR_openat, AT_FDCWD, path, flags | LARGEFILE, mode);
}
EXPORT int openat(int dir, const char *path, int flags, ...) {
    MODE_ARGUMENT(flags)
    return (int)em_syscall_cp_errno(__NR_openat, dir, path, flags | LARGEFILE, mode);
}
ASM_ALIAS(open64, open);
ASM_ALIAS(__open, open);
ASM_ALIAS(__open64, open);
ASM_ALIAS(__open_2, open);
ASM_ALIAS(__open64_2, open);
ASM_ALIAS(openat64, openat);
ASM_ALIAS(__openat_2, openat);
ASM_ALIAS(__openat64_2, openat);
EXPORT int creat(const char *path, int mode) { return open(path, 01101, mode); }
ASM_ALIAS(creat64, creat);
EXPORT int close(int fd) {
    long r = em_syscall_cp(__NR_close, fd);
    return (int)em_result(r == -EINTR ? 0 : r);
}
ASM_ALIAS(__close, close);
EXPORT int close_range(unsigned first, unsigned last, int flags) { return (int)em_syscall_errno(__NR_close_range, first, last, flags); }

/* -- reading and writing --------------------------------------------------------------------------- */

EXPORT ssize read(int fd, void *buffer, size_t size) { return em_syscall_cp_errno(__NR_read, fd, buffer, size); }
EXPORT ssize write(int fd, const void *buffer, size_t size) { return em_syscall_cp_errno(__NR_write, fd, buffer, size); }
EXPORT ssize readv(int fd, const void *vector, int count) { return em_syscall_cp_errno(__NR_readv, fd, vector, count); }
EXPORT ssize writev(int fd, const void *vector, int count) { return em_syscall_cp_errno(__NR_writev, fd, vector, count); }
ASM_ALIAS(__read, read);
ASM_ALIAS(__write, write);
EXPORT ssize __read_chk(int fd, void *buffer, size_t size, size_t room) {
    if (size > room) em_fatal("*** buffer overflow detected ***: terminated\n");
    return read(fd, buffer, size);
}

EXPORT ssize pread64(int fd, void *buffer, size_t size, int64_t at) { return em_syscall_cp_errno(__NR_pread64, fd, buffer, size, EM_PAD64(at)); }
EXPORT ssize pwrite64(int fd, const void *buffer, size_t size, int64_t at) { return em_syscall_cp_errno(__NR_pwrite64, fd, buffer, size, EM_PAD64(at)); }
EXPORT ssize preadv64(int fd, const void *v, int n, int64_t at) { return em_syscall_cp_errno(__NR_preadv, fd, v, n, EM_L(at), EM_L(at >> 16 >> 16)); }
EXPORT ssize pwritev64(int fd, const void *v, int n, int64_t at) { return em_syscall_cp_errno(__NR_pwritev, fd, v, n, EM_L(at), EM_L(at >> 16 >> 16)); }
EXPORT int64_t lseek64(int fd, int64_t to, int whence) {
#ifdef __NR__llseek
    int64_t result;
    long r = em_syscall_errno(__NR__llseek, fd, EM_L(to >> 32), EM_L(to), &result, whence);
    return r < 0 ? -1 : result;
#else
    return em_syscall_errno(__NR_lseek, fd, to, whence);
#endif
}
EXPORT int ftruncate64(int fd, int64_t size) {
#ifdef __NR_ftruncate64
    return (int)em_syscall_errno(__NR_ftruncate64, fd, EM_PAD64(size));
#else
    return (int)em_syscall_errno(__NR_ftruncate, fd, size);
#endif
}
EXPORT int truncate64(const char *path, int64_t size) {
#ifdef __NR_truncate64
    return (int)em_syscall_errno(__NR_truncate64, path, EM_PAD64(size));
#else
    return (int)em_syscall_errno(__NR_truncate, path, size);
#endif
}

#if __SIZEOF_LONG__ == 8
ASM_ALIAS(pread, pread64);
ASM_ALIAS(pwrite, pwrite64);
ASM_ALIAS(preadv, preadv64);
ASM_ALIAS(pwritev, pwritev64);
ASM_ALIAS(lseek, lseek64);
ASM_ALIAS(__lseek, lseek64);
ASM_ALIAS(ftruncate, ftruncate64);
ASM_ALIAS(truncate, truncate64);
#else
/* `at` is the third register's neighbour, low and high the aligned pair after it. */
EXPORT ssize pread(int fd, void *buffer, size_t size, long at, long low, long high) {
    return pread64(fd, buffer, size, em_wide_offsets() ? EM_JOIN(low, high) : at);
}
EXPORT ssize pwrite(int fd, const void *buffer, size_t size, long at, long low, long high) {
    return pwrite64(fd, buffer, size, em_wide_offsets() ? EM_JOIN(low, high) : at);
}
EXPORT int64_t __emu_lseek(int fd, long a, long b, long c, long d) __asm__("lseek");
EXPORT int64_t __emu_lseek(int fd, long a, long b, long c, long d) {
    return em_wide_offsets() ? lseek64(fd, EM_JOIN(b, c), (int)d) : lseek64(fd, a, (int)b);
}
EXPORT int ftruncate(int fd, long a, long b, long c) { return ftruncate64(fd, em_wide_offsets() ? EM_JOIN(b, c) : a); }
EXPORT int truncate(const char *path, long a, long b, long c) { return truncate64(path, em_wide_offsets() ? EM_JOIN(b, c) : a); }
#endif

EXPORT int fsync(int fd) { return (int)em_syscall_cp_errno(__NR_fsync, fd); }
EXPORT int fdatasync(int fd) { return (int)em_syscall_cp_errno(__NR_fdatasync, fd); }
EXPORT void sync(void) { em_syscall(__NR_sync); }
EXPORT ssize sendfile64(int out, int in, int64_t *at, size_t size) {
#ifdef __NR_sendfile64
    return em_syscall_errno(__NR_sendfile64, out, in, at, size);
#else
    return em_syscall_errno(__NR_sendfile, out, in, at, size);
#endif
}
EXPORT ssize sendfile(int out, int in, long *at, size_t size) { return em_syscall_errno(__NR_sendfile, out, in, at, size); }

/* -- descriptors ------------------------------------------------------------------------------------ */

EXPORT int pipe2(int fds[2], int flags) { return (int)em_syscall_errno(__NR_pipe2, fds, flags); }
EXPORT int pipe(int fds[2]) { return pipe2(fds, 0); }
EXPORT int dup(int fd) { return (int)em_syscall_errno(__NR_dup, fd); }
EXPORT int dup3(int from, int to, int flags) { return (int)em_syscall_errno(__NR_dup3, from, to, flags); }
EXPORT int dup2(int from, int to) {
    if (from != to) return dup3(from, to, 0);
    return em_syscall_errno(
#ifdef __NR_fcntl64
               __NR_fcntl64,
#else
               __NR_fcntl,
#endif
               from, 1) < 0 ? -1 : to;
}
EXPORT int fcntl(int fd, int command, ...) {
    va_list list;
    va_start(list, command);
    long argument = va_arg(list, long);
    va_end(list);
#ifdef __NR_fcntl64
    return (int)em_syscall_cp_errno(__NR_fcntl64, fd, command, argument);
#else
    return (int)em_syscall_cp_errno(__NR_fcntl, fd, command, argument);
#endif
}
ASM_ALIAS(fcntl64, fcntl);
ASM_ALIAS(__fcntl, fcntl);
EXPORT int ioctl(int fd, unsigned long request, ...) {
    va_list list;
    va_start(list, request);
    long argument = va_arg(list, long);
    va_end(list);
    return (int)em_syscall_errno(__NR_ioctl, fd, request, argument);
}
EXPORT int isatty(int fd) {
    char terminal[64];
    return em_syscall_errno(__NR_ioctl, fd, 0x5401, terminal) == 0;   /* TCGETS */
}
EXPORT int flock(int fd, int operation) { return (int)em_syscall_errno(__NR_flock, fd, operation); }
EXPORT int eventfd(unsigned value, int flags) { return (int)em_syscall_errno(__NR_eventfd2, value, flags); }
EXPORT int eventfd_read(int fd, uint64_t *value) { return read(fd, value, 8) == 8 ? 0 : -1; }
EXPORT int eventfd_write(int fd, uint64_t value) { return write(fd, &value, 8) == 8 ? 0 : -1; }
EXPORT int memfd_create(const char *name, unsigned flags) { return (int)em_syscall_errno(__NR_memfd_create, name, flags); }
EXPORT int inotify_init1(int flags) { return (int)em_syscall_errno(__NR_inotify_init1, flags); }
EXPORT int signalfd(int fd, const void *set, int flags) { return (int)em_syscall_errno(__NR_signalfd4, fd, set, 8, flags); }

/* -- names ------------------------------------------------------------------------------------------- */

EXPORT int unlink(const char *path) { return (int)em_syscall_errno(__NR_unlinkat, AT_FDCWD, path, 0); }
EXPORT int unlinkat(int dir, const char *path, int flags) { return (int)em_syscall_errno(__NR_unlinkat, dir, path, flags); }
EXPORT int rmdir(const char *path) { return (int)em_syscall_errno(__NR_unlinkat, AT_FDCWD, path, 0x200); }   /* AT_REMOVEDIR */
EXPORT int mkdir(const char *path, int mode) { return (int)em_syscall_errno(__NR_mkdirat, AT_FDCWD, path, mode); }
EXPORT int mkdirat(int dir, const char *path, int mode) { return (int)em_syscall_errno(__NR_mkdirat, dir, path, mode); }
EXPORT int link(const char *from, const char *to) { return (int)em_syscall_errno(__NR_linkat, AT_FDCWD, from, AT_FDCWD, to, 0); }
EXPORT int linkat(int a, const char *from, int b, const char *to, int flags) { return (int)em_syscall_errno(__NR_linkat, a, from, b, to, flags); }
EXPORT int symlink(const char *text, const char *path) { return (int)em_syscall_errno(__NR_symlinkat, text, AT_FDCWD, path); }
EXPORT int symlinkat(const char *text, int dir, const char *path) { return (int)em_syscall_errno(__NR_symlinkat, text, dir, path); }
EXPORT ssize readlink(const char *path, char *buffer, size_t size) { return em_syscall_errno(__NR_readlinkat, AT_FDCWD, path, buffer, size); }
EXPORT ssize readlinkat(int dir, const char *path, char *buffer, size_t size) { return em_syscall_errno(__NR_readlinkat, dir, path, buffer, size); }
EXPORT int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    return (int)em_syscall_errno(__NR_renameat2, a, from, b, to, flags);
}
EXPORT int renameat(int a, const char *from, int b, const char *to) {
#ifdef __NR_renameat
    return (int)em_syscall_errno(__NR_renameat, a, from, b, to);
#else
    return renameat2(a, from, b, to, 0);
#endif
}
WEAK EXPORT int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }
EXPORT int access(const char *path, int mode) { return (int)em_syscall_errno(__NR_faccessat, AT_FDCWD, path, mode); }
ASM_ALIAS(__access, access);
EXPORT int faccessat(int dir, const char *path, int mode, int flags) {
    if (flags == 0) return (int)em_syscall_errno(__NR_faccessat, dir, path, mode);
    return (int)em_syscall_errno(__NR_faccessat2, dir, path, mode, flags);
}
EXPORT int euidaccess(const char *path, int mode) { return faccessat(AT_FDCWD, path, mode, 0x200); }
ASM_ALIAS(eaccess, euidaccess);
EXPORT int chmod(const char *path, int mode) { return (int)em_syscall_errno(__NR_fchmodat, AT_FDCWD, path, mode); }
EXPORT int fchmod(int fd, int mode) { return (int)em_syscall_errno(__NR_fchmod, fd, mode); }
EXPORT int fchmodat(int dir, const char *path, int mode, int flags) { return (int)em_syscall_errno(__NR_fchmodat, dir, path, mode); }
EXPORT int chown(const char *path, unsigned user, unsigned group) { return (int)em_syscall_errno(__NR_fchownat, AT_FDCWD, path, user, group, 0); }
EXPORT int lchown(const char *path, unsigned user, unsigned group) { return (int)em_syscall_errno(__NR_fchownat, AT_FDCWD, path, user, group, 0x100); }
EXPORT int fchown(int fd, unsigned user, unsigned group) { return (int)em_syscall_errno(EM_NR_ID(fchown), fd, user, group); }
EXPORT int fchownat(int dir, const char *path, unsigned user, unsigned group, int flags) {
    return (int)em_syscall_errno(__NR_fchownat, dir, path, user, group, flags);
}
EXPORT unsigned umask(unsigned mask) { return (unsigned)em_syscall(__NR_umask, mask); }
EXPORT int chdir(const char *path) { return (int)em_syscall_errno(__NR_chdir, path); }
EXPORT int fchdir(int fd) { return (int)em_syscall_errno(__NR_fchdir, fd); }
EXPORT int chroot(const char *path) { return (int)em_syscall_errno(__NR_chroot, path); }
EXPORT int mknodat(int dir, const char *path, int mode, uint64_t device) { return (int)em_syscall_errno(__NR_mknodat, dir, path, mode, EM_L(device)); }
EXPORT int mknod(const char *path, int mode, uint64_t device) { return mknodat(AT_FDCWD, path, mode, device); }
EXPORT int mkfifo(const char *path, int mode) { return mknodat(AT_FDCWD, path, mode | 0010000, 0); }

EXPORT char *getcwd(char *buffer, size_t size) {
    char local[4096];
    long r = em_syscall(__NR_getcwd, local, sizeof local);
    if (r < 0) {
        errno = (int)-r;
        return 0;
    }
    if (!buffer) {
        if (size == 0) size = (size_t)r;
        if ((size_t)r <= size && !(buffer = em_malloc(size))) {
            errno = ENOMEM;
            return 0;
        }
    }
    if ((size_t)r > size) {
        errno = ERANGE;
        return 0;
    }
    __builtin_memcpy(buffer, local, (size_t)r);
    return buffer;
}
EXPORT char *get_current_dir_name(void) { return getcwd(0, 0); }

EXPORT int posix_fadvise(int fd, long a, long b, int advice) { return 0; }
ASM_ALIAS(posix_fadvise64, posix_fadvise);
EXPORT int fallocate64(int fd, int mode, int64_t at, int64_t size) { return (int)em_syscall_errno(__NR_fallocate, fd, mode, EM_64(at), EM_64(size)); }
#if __SIZEOF_LONG__ == 8
ASM_ALIAS(fallocate, fallocate64);
EXPORT int posix_fallocate(int fd, int64_t at, int64_t size) { return (int)-em_syscall(__NR_fallocate, fd, 0, at, size); }
ASM_ALIAS(posix_fallocate64, posix_fallocate);
#endif
