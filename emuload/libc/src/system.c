/* The rest of Linux's interfaces: terminals, extended attributes, logging, the library's own version, and a few old names. */
#include <asm/unistd.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <termios.h>
#include "timeconv.h"
#include "wide.h"

long sysconf(int name);

/* -- termios.h: glibc's structure, 60 bytes, and the kernel's shorter one --------------------------------------- */

struct kernel_termios { unsigned iflag, oflag, cflag, lflag; unsigned char line, cc[19]; };
EXPORT int tcgetattr(int fd, struct termios *t) {
    struct kernel_termios k;
    if (em_syscall_errno(__NR_ioctl, fd, 0x5401, &k) < 0) return -1;
    *t = (struct termios){.c_iflag = k.iflag, .c_oflag = k.oflag, .c_cflag = k.cflag, .c_lflag = k.lflag, .c_line = k.line};
    for (int i = 0; i < 19; i++) t->c_cc[i] = k.cc[i];
    return 0;
}
EXPORT int tcsetattr(int fd, int when, const struct termios *t) {
    struct kernel_termios k = {t->c_iflag, t->c_oflag, t->c_cflag, t->c_lflag, t->c_line, {0}};
    for (int i = 0; i < 19; i++) k.cc[i] = t->c_cc[i];
    return (int)em_syscall_errno(__NR_ioctl, fd, 0x5402 + when, &k);
}
EXPORT void cfmakeraw(struct termios *t) {
    t->c_iflag &= ~(unsigned)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t->c_oflag &= ~(unsigned)OPOST;
    t->c_lflag &= ~(unsigned)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    t->c_cflag = (t->c_cflag & ~(unsigned)(CSIZE | PARENB)) | CS8;
    t->c_cc[VMIN] = 1;
    t->c_cc[VTIME] = 0;
}
EXPORT int tcflush(int fd, int queue) { return (int)em_syscall_errno(__NR_ioctl, fd, 0x540B, queue); }
EXPORT int tcdrain(int fd) { return (int)em_syscall_cp_errno(__NR_ioctl, fd, 0x5409, 1); }
EXPORT int tcgetpgrp(int fd) {
    int group;
    return em_syscall_errno(__NR_ioctl, fd, 0x540F, &group) < 0 ? -1 : group;
}
EXPORT int tcsetpgrp(int fd, int group) { return (int)em_syscall_errno(__NR_ioctl, fd, 0x5410, &group); }
EXPORT char *ttyname(int fd) {
    errno = ENOTTY;
    return 0;
}
EXPORT int ttyname_r(int fd, char *buffer, size_t size) { return ENOTTY; }
EXPORT char *ctermid(char *buffer) {
    static char name[] = "/dev/tty";
    if (!buffer) return name;
    __builtin_memcpy(buffer, name, sizeof name);
    return buffer;
}

/* -- files ------------------------------------------------------------------------------------------------------ */

EXPORT long getxattr(const char *p, const char *n, void *v, size_t s) { return em_syscall_errno(__NR_getxattr, p, n, v, s); }
EXPORT long lgetxattr(const char *p, const char *n, void *v, size_t s) { return em_syscall_errno(__NR_lgetxattr, p, n, v, s); }
EXPORT long fgetxattr(int f, const char *n, void *v, size_t s) { return em_syscall_errno(__NR_fgetxattr, f, n, v, s); }
EXPORT int setxattr(const char *p, const char *n, const void *v, size_t s, int flags) { return (int)em_syscall_errno(__NR_setxattr, p, n, v, s, flags); }
EXPORT long listxattr(const char *p, char *list, size_t s) { return em_syscall_errno(__NR_listxattr, p, list, s); }
EXPORT long splice(int a, int64_t *at, int b, int64_t *to, size_t size, unsigned flags) { return em_syscall_cp_errno(__NR_splice, a, at, b, to, size, flags); }
EXPORT long copy_file_range(int a, int64_t *at, int b, int64_t *to, size_t size, unsigned flags) { return em_syscall_cp_errno(__NR_copy_file_range, a, at, b, to, size, flags); }
EXPORT long getdents64(int fd, void *buffer, size_t size) { return em_syscall_errno(__NR_getdents64, fd, buffer, size); }
EXPORT int lockf(int fd, int command, long size) { return 0; }
EXPORT void closefrom(int first) { em_syscall(__NR_close_range, first, ~0u, 0); }
EXPORT int syncfs(int fd) { return (int)em_syscall_errno(__NR_syncfs, fd); }
EXPORT int inotify_init(void) { return (int)em_syscall_errno(__NR_inotify_init1, 0); }
EXPORT int inotify_add_watch(int fd, const char *path, uint32_t mask) { return (int)em_syscall_errno(__NR_inotify_add_watch, fd, path, mask); }
EXPORT int inotify_rm_watch(int fd, int watch) { return (int)em_syscall_errno(__NR_inotify_rm_watch, fd, watch); }
EXPORT int mount(const char *from, const char *to, const char *type, unsigned long flags, const void *data) {
    return (int)em_syscall_errno(__NR_mount, from, to, type, flags, data);
}
EXPORT int umount2(const char *path, int flags) { return (int)em_syscall_errno(__NR_umount2, path, flags); }
EXPORT int unshare(int flags) { return (int)em_syscall_errno(__NR_unshare, flags); }
EXPORT int personality(unsigned long p) { return (int)em_syscall_errno(__NR_personality, p); }
EXPORT int membarrier(int command, unsigned flags, int cpu) { return (int)em_syscall_errno(__NR_membarrier, command, flags, cpu); }
EXPORT unsigned em_major(uint64_t d) __asm__("gnu_dev_major");
EXPORT unsigned em_minor(uint64_t d) __asm__("gnu_dev_minor");
EXPORT uint64_t em_makedev(unsigned major, unsigned minor) __asm__("gnu_dev_makedev");
EXPORT unsigned em_major(uint64_t d) { return (unsigned)((d >> 8 & 0xfff) | (d >> 32 & ~0xfffu)); }
EXPORT unsigned em_minor(uint64_t d) { return (unsigned)((d & 0xff) | (d >> 12 & ~0xffu)); }
EXPORT uint64_t em_makedev(unsigned major, unsigned minor) {
    return (minor & 0xffu) | (major & 0xfffu) << 8 | (uint64_t)(minor & ~0xffu) << 12 | (uint64_t)(major & ~0xfffu) << 32;
}

static int to_statvfs(const struct statfs64 *from, struct statvfs64 *to) {
    *to = (struct statvfs64){.f_bsize = (unsigned long)from->f_bsize, .f_frsize = (unsigned long)(from->f_frsize ? from->f_frsize : from->f_bsize),
                             .f_blocks = from->f_blocks, .f_bfree = from->f_bfree, .f_bavail = from->f_bavail, .f_files = from->f_files,
                             .f_ffree = from->f_ffree, .f_favail = from->f_ffree, .f_namemax = (unsigned long)from->f_namelen};
    return 0;
}
EXPORT int statvfs64(const char *path, struct statvfs64 *out) {
    struct statfs64 s;
    return statfs64(path, &s) < 0 ? -1 : to_statvfs(&s, out);
}
EXPORT int fstatvfs64(int fd, struct statvfs64 *out) {
    struct statfs64 s;
    return fstatfs64(fd, &s) < 0 ? -1 : to_statvfs(&s, out);
}
#if __SIZEOF_LONG__ == 8
ASM_ALIAS(statvfs, statvfs64);
ASM_ALIAS(fstatvfs, fstatvfs64);
#else
static int narrow_statvfs(const struct statfs64 *from, void *out) {
    if (em_wide_offsets()) return to_statvfs(from, out);
    if (from->f_blocks > ~0UL || from->f_files > ~0UL) return (int)em_result(-EOVERFLOW);
    struct statvfs *to = out;
    *to = (struct statvfs){.f_bsize = (unsigned long)from->f_bsize, .f_frsize = (unsigned long)(from->f_frsize ? from->f_frsize : from->f_bsize),
                           .f_blocks = (unsigned long)from->f_blocks, .f_bfree = (unsigned long)from->f_bfree, .f_bavail = (unsigned long)from->f_bavail,
                           .f_files = (unsigned long)from->f_files, .f_ffree = (unsigned long)from->f_ffree, .f_favail = (unsigned long)from->f_ffree,
                           .f_namemax = (unsigned long)from->f_namelen};
    return 0;
}
EXPORT int statvfs(const char *path, struct statvfs *out) {
    struct statfs64 s;
    return statfs64(path, &s) < 0 ? -1 : narrow_statvfs(&s, out);
}
EXPORT int fstatvfs(int fd, struct statvfs *out) {
    struct statfs64 s;
    return fstatfs64(fd, &s) < 0 ? -1 : narrow_statvfs(&s, out);
}
static int narrow_statfs(const struct statfs64 *from, void *out) {
    if (em_wide_offsets()) {
        *(struct statfs64 *)out = *from;
        return 0;
    }
    if (from->f_blocks > ~0UL || from->f_files > ~0UL) return (int)em_result(-EOVERFLOW);
    struct statfs *to = out;
    *to = (struct statfs){.f_type = from->f_type, .f_bsize = from->f_bsize, .f_blocks = (unsigned long)from->f_blocks, .f_bfree = (unsigned long)from->f_bfree,
                          .f_bavail = (unsigned long)from->f_bavail, .f_files = (unsigned long)from->f_files, .f_ffree = (unsigned long)from->f_ffree,
                          .f_namelen = from->f_namelen, .f_frsize = from->f_frsize};
    return 0;
}
EXPORT int statfs(const char *path, struct statfs *out) {
    struct statfs64 s;
    return statfs64(path, &s) < 0 ? -1 : narrow_statfs(&s, out);
}
EXPORT int fstatfs(int fd, struct statfs *out) {
    struct statfs64 s;
    return fstatfs64(fd, &s) < 0 ? -1 : narrow_statfs(&s, out);
}
#endif

/* -- random numbers, logging, versions ------------------------------------------------------------------------------ */

EXPORT void arc4random_buf(void *buffer, size_t size) {
    for (char *at = buffer; size;) {
        long n = em_syscall(__NR_getrandom, at, size > 256 ? 256 : size, 0);
        if (n <= 0) em_fatal("arc4random: no random numbers\n");
        at += n;
        size -= (size_t)n;
    }
}
EXPORT uint32_t arc4random(void) {
    uint32_t v;
    arc4random_buf(&v, sizeof v);
    return v;
}
EXPORT uint32_t arc4random_uniform(uint32_t bound) {
    if (bound < 2) return 0;
    uint32_t v, least = -bound % bound;
    do v = arc4random();
    while (v < least);
    return v % bound;
}

EXPORT void openlog(const char *name, int options, int facility) { }
EXPORT void closelog(void) { }
EXPORT int setlogmask(int mask) { return 0xff; }
EXPORT void vsyslog(int priority, const char *format, va_list arguments) { }   /* there is no log daemon */
EXPORT void syslog(int priority, const char *format, ...) { }
EXPORT void __syslog_chk(int priority, int flag, const char *format, ...) { }
EXPORT void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments) { }

EXPORT const char *gnu_get_libc_version(void) { return "2.36"; }
EXPORT const char *gnu_get_libc_release(void) { return "stable"; }
EXPORT int getloadavg(double *loads, int count) {
    for (int i = 0; i < count && i < 3; i++) loads[i] = 0;
    return count < 3 ? count : 3;
}
EXPORT long gethostid(void) { return 0; }
EXPORT int sethostname(const char *name, size_t size) { return (int)em_syscall_errno(__NR_sethostname, name, size); }
EXPORT long get_phys_pages(void) { return sysconf(85); }
EXPORT long get_avphys_pages(void) { return sysconf(86); }
EXPORT int backtrace(void **addresses, int count) {
    em_open_unwinder();
    return 0;
}
EXPORT char **backtrace_symbols(void *const *addresses, int count) { return em_calloc(1, sizeof(char *)); }
EXPORT void backtrace_symbols_fd(void *const *addresses, int count, int fd) { }

/* -- System V signals ------------------------------------------------------------------------------------------------- */

EXPORT __sighandler_t sigset(int signal, __sighandler_t handler) {
    struct sigaction action = {.sa_handler = handler}, old;
    sigset_t set, before;
    sigemptyset(&set);
    if (sigaddset(&set, signal) < 0) return SIG_ERR;
    if (handler == SIG_HOLD) {
        if (sigaction(signal, 0, &old) < 0 || sigprocmask(SIG_BLOCK, &set, &before) < 0) return SIG_ERR;
    } else if (sigaction(signal, &action, &old) < 0 || sigprocmask(SIG_UNBLOCK, &set, &before) < 0) return SIG_ERR;
    return sigismember(&before, signal) ? SIG_HOLD : old.sa_handler;
}
EXPORT int em_sigpause(int signal) __asm__("__xpg_sigpause");
EXPORT int em_sigpause(int signal) {
    sigset_t set;
    sigprocmask(SIG_BLOCK, 0, &set);
    return sigdelset(&set, signal) < 0 ? -1 : sigsuspend(&set);
}

/* -- execution ------------------------------------------------------------------------------------------------------------ */

int execve(const char *path, char *const *argv, char *const *envp);
#define COLLECT(first, list, with_environment) \
    char *argv[256]; \
    char **envp = environ; \
    size_t n = 0; \
    va_start(list, first); \
    argv[n] = (char *)first; \
    while (argv[n] && n < 254) argv[++n] = va_arg(list, char *); \
    argv[n] = 0; \
    if (with_environment) envp = va_arg(list, char **); \
    va_end(list);
EXPORT int execl(const char *path, const char *first, ...) { va_list list; COLLECT(first, list, 0) return execve(path, argv, envp); }
EXPORT int execlp(const char *path, const char *first, ...) { va_list list; COLLECT(first, list, 0) return execve(path, argv, envp); }
EXPORT int execle(const char *path, const char *first, ...) { va_list list; COLLECT(first, list, 1) return execve(path, argv, envp); }
EXPORT int execvpe(const char *path, char *const *argv, char *const *envp) { return execve(path, argv, envp); }
EXPORT int fexecve(int fd, char *const *argv, char *const *envp) { return (int)em_syscall_errno(__NR_execveat, fd, "", argv, envp, 0x1000); }
EXPORT int wait3(int *status, int options, void *usage) { return (int)em_syscall_cp_errno(__NR_wait4, -1, status, options, usage); }
