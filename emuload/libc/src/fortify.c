/* The checking variants that _FORTIFY_SOURCE=1..3 calls (in debug/ of glibc), and glibc's and musl's further names. */
#include <asm/unistd.h>
#include "internal.h"
typedef long ssize;

static void check(size_t wanted, size_t room) {
    if (wanted > room) em_fatal("*** buffer overflow detected ***: terminated\n");
}
#define CHECKED(ret, name, params, size, room, call) \
    EXPORT ret __##name##_chk params { check(size, room); return call; }

ssize pread64(int, void *, size_t, int64_t);
ssize recv(int, void *, size_t, int);
ssize recvfrom(int, void *, size_t, int, void *, unsigned *);
ssize readlink(const char *, char *, size_t);
ssize readlinkat(int, const char *, char *, size_t);
char *getcwd(char *, size_t);
int gethostname(char *, size_t);
int getdomainname(char *, size_t);
int getgroups(int, unsigned *);
size_t confstr(int, char *, size_t);
int poll(void *, unsigned long, int);
int getlogin_r(char *, size_t);
int ttyname_r(int, char *, size_t);

CHECKED(ssize, pread64, (int fd, void *b, size_t n, int64_t at, size_t room), n, room, pread64(fd, b, n, at))
#if __SIZEOF_LONG__ == 8
ASM_ALIAS(__pread_chk, __pread64_chk);
#else
CHECKED(ssize, pread, (int fd, void *b, size_t n, long at, size_t room), n, room, pread64(fd, b, n, at))
#endif
CHECKED(ssize, recv, (int fd, void *b, size_t n, size_t room, int flags), n, room, recv(fd, b, n, flags))
CHECKED(ssize, recvfrom, (int fd, void *b, size_t n, size_t room, int flags, void *a, unsigned *l), n, room, recvfrom(fd, b, n, flags, a, l))
CHECKED(ssize, readlink, (const char *p, char *b, size_t n, size_t room), n, room, readlink(p, b, n))
CHECKED(ssize, readlinkat, (int d, const char *p, char *b, size_t n, size_t room), n, room, readlinkat(d, p, b, n))
CHECKED(char *, getcwd, (char *b, size_t n, size_t room), n, room, getcwd(b, n))
CHECKED(int, gethostname, (char *b, size_t n, size_t room), n, room, gethostname(b, n))
CHECKED(int, getdomainname, (char *b, size_t n, size_t room), n, room, getdomainname(b, n))
CHECKED(int, getgroups, (int n, unsigned *list, size_t room), (size_t)n * sizeof *list, room, getgroups(n, list))
CHECKED(size_t, confstr, (int name, char *b, size_t n, size_t room), n, room, confstr(name, b, n))
CHECKED(int, poll, (void *fds, unsigned long n, int ms, size_t room), n * 8, room, poll(fds, n, ms))
CHECKED(int, getlogin_r, (char *b, size_t n, size_t room), n, room, getlogin_r(b, n))
CHECKED(int, ttyname_r, (int fd, char *b, size_t n, size_t room), n, room, ttyname_r(fd, b, n))

/* Further names for functions of other files: one jump each. */
#if defined(__x86_64__)
#define FORWARD(name, target) __asm__(".weak " #name "\n.type " #name ",@function\n" #name ": jmp " #target "\n.size " #name ", . - " #name)
#else
#define FORWARD(name, target) __asm__(".weak " #name "\n.type " #name ",%function\n" #name ": b " #target "\n.size " #name ", . - " #name)
#endif
__asm__(".text\n.p2align 2");
FORWARD(_Fork, fork);
FORWARD(__vfork, fork);
FORWARD(__libc_fork, fork);
FORWARD(__dup2, dup2);
FORWARD(__pipe, pipe);
FORWARD(__connect, connect);
FORWARD(__send, send);
FORWARD(__recv, recv);
FORWARD(__socket, socket);
FORWARD(__sbrk, sbrk);
FORWARD(__madvise, madvise);
FORWARD(__statfs, statfs64);
FORWARD(__select, select);
FORWARD(__wait, wait);
FORWARD(__getpgid, getpgid);
FORWARD(__setpgid, setpgid);
FORWARD(__getpagesize, getpagesize);
FORWARD(__gettimeofday, gettimeofday);
FORWARD(__gmtime_r, gmtime_r);
FORWARD(__sigaddset, sigaddset);
FORWARD(__sigdelset, sigdelset);
FORWARD(__pread64, pread64);
FORWARD(__libc_pread, pread64);
FORWARD(__pwrite64, pwrite64);
FORWARD(__libc_pwrite, pwrite64);
FORWARD(__sched_get_priority_max, sched_get_priority_max);
FORWARD(__sched_get_priority_min, sched_get_priority_min);
FORWARD(__fstat64, fstat64);
FORWARD(__setjmp, _setjmp);
#if defined(__arm__)
FORWARD(__fcntl_time64, fcntl);
FORWARD(__ioctl_time64, ioctl);
FORWARD(__prctl_time64, prctl);
FORWARD(__getsockopt64, getsockopt);
FORWARD(__setsockopt64, setsockopt);
FORWARD(__sendmsg64, sendmsg);
FORWARD(__recvmsg64, recvmsg);
FORWARD(__wait4_time64, wait4);
FORWARD(__wait3_time64, wait3);
#endif
