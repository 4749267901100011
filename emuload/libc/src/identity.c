/* Who the process is, what it may use, and the system it runs on: unistd.h, sched.h, sys/resource.h, sys/utsname.h. */
#include <stdarg.h>
#include "wide.h"

EXPORT int *__errno_location(void) { return &em_self()->err; }
ASM_ALIAS(___errno_location, __errno_location);

EXPORT int getpid(void) { return (int)em_syscall(__NR_getpid); }
ASM_ALIAS(__getpid, getpid);
EXPORT int getppid(void) { return (int)em_syscall(__NR_getppid); }
EXPORT int gettid(void) { return em_self()->tid; }
EXPORT int getpgid(int pid) { return (int)em_syscall_errno(__NR_getpgid, pid); }
EXPORT int getpgrp(void) { return (int)em_syscall_errno(__NR_getpgid, 0); }
EXPORT int setpgid(int pid, int group) { return (int)em_syscall_errno(__NR_setpgid, pid, group); }
EXPORT int getsid(int pid) { return (int)em_syscall_errno(__NR_getsid, pid); }
EXPORT int setsid(void) { return (int)em_syscall_errno(__NR_setsid); }

EXPORT unsigned getuid(void) { return (unsigned)em_syscall(EM_NR_ID(getuid)); }
EXPORT unsigned geteuid(void) { return (unsigned)em_syscall(EM_NR_ID(geteuid)); }
EXPORT unsigned getgid(void) { return (unsigned)em_syscall(EM_NR_ID(getgid)); }
EXPORT unsigned getegid(void) { return (unsigned)em_syscall(EM_NR_ID(getegid)); }
EXPORT int setuid(unsigned id) { return (int)em_syscall_errno(EM_NR_ID(setuid), id); }
EXPORT int setgid(unsigned id) { return (int)em_syscall_errno(EM_NR_ID(setgid), id); }
EXPORT int setreuid(unsigned real, unsigned effective) { return (int)em_syscall_errno(EM_NR_ID(setreuid), real, effective); }
EXPORT int setregid(unsigned real, unsigned effective) { return (int)em_syscall_errno(EM_NR_ID(setregid), real, effective); }
EXPORT int setresuid(unsigned r, unsigned e, unsigned s) { return (int)em_syscall_errno(EM_NR_ID(setresuid), r, e, s); }
EXPORT int setresgid(unsigned r, unsigned e, unsigned s) { return (int)em_syscall_errno(EM_NR_ID(setresgid), r, e, s); }
EXPORT int seteuid(unsigned id) { return setresuid(-1u, id, -1u); }
EXPORT int setegid(unsigned id) { return setresgid(-1u, id, -1u); }
EXPORT int getresuid(unsigned *r, unsigned *e, unsigned *s) { return (int)em_syscall_errno(EM_NR_ID(getresuid), r, e, s); }
EXPORT int getresgid(unsigned *r, unsigned *e, unsigned *s) { return (int)em_syscall_errno(EM_NR_ID(getresgid), r, e, s); }
EXPORT int getgroups(int count, unsigned *list) { return (int)em_syscall_errno(EM_NR_ID(getgroups), count, list); }
EXPORT int setgroups(size_t count, const unsigned *list) { return (int)em_syscall_errno(EM_NR_ID(setgroups), count, list); }
EXPORT int setfsuid(unsigned id) { return (int)em_syscall(EM_NR_ID(setfsuid), id); }
EXPORT int setfsgid(unsigned id) { return (int)em_syscall(EM_NR_ID(setfsgid), id); }
EXPORT int issetugid(void) { return 0; }

/* -- scheduling ------------------------------------------------------------------------------------- */

EXPORT int sched_yield(void) { return (int)em_syscall_errno(__NR_sched_yield); }
ASM_ALIAS(__sched_yield, sched_yield);
ASM_ALIAS(thrd_yield, sched_yield);
ASM_ALIAS(pthread_yield, sched_yield);
EXPORT int sched_getaffinity(int pid, size_t size, void *set) {
    long r = em_syscall_errno(__NR_sched_getaffinity, pid, size, set);
    if (r < 0) return -1;
    __builtin_memset((char *)set + r, 0, size - (size_t)r);
    return 0;
}
EXPORT int sched_setaffinity(int pid, size_t size, const void *set) { return (int)em_syscall_errno(__NR_sched_setaffinity, pid, size, set); }
EXPORT int sched_getscheduler(int pid) { return (int)em_syscall_errno(__NR_sched_getscheduler, pid); }
EXPORT int sched_setscheduler(int pid, int policy, const void *p) { return (int)em_syscall_errno(__NR_sched_setscheduler, pid, policy, p); }
EXPORT int sched_getparam(int pid, void *p) { return (int)em_syscall_errno(__NR_sched_getparam, pid, p); }
EXPORT int sched_setparam(int pid, const void *p) { return (int)em_syscall_errno(__NR_sched_setparam, pid, p); }
EXPORT int sched_get_priority_max(int policy) { return policy == 1 || policy == 2 ? 99 : 0; }
EXPORT int sched_get_priority_min(int policy) { return policy == 1 || policy == 2 ? 1 : 0; }
EXPORT int sched_getcpu(void) {
    unsigned cpu = 0;
    return em_syscall_errno(__NR_getcpu, &cpu, 0, 0) < 0 ? -1 : (int)cpu;
}
EXPORT int getcpu(unsigned *cpu, unsigned *node) { return (int)em_syscall_errno(__NR_getcpu, cpu, node, 0); }
static int count_cpus(const unsigned char *set, size_t size) {
    int n = 0;
    for (size_t i = 0; i < size; i++) n += __builtin_popcount(set[i]);
    return n;
}
EXPORT int __sched_cpucount(size_t size, const void *set) { return count_cpus(set, size); }
EXPORT void *__sched_cpualloc(size_t count) { return em_calloc(1, (count + 8 * sizeof(long) - 1) / (8 * sizeof(long)) * sizeof(long)); }
EXPORT void __sched_cpufree(void *set) { em_free(set); }
static int cpus(void) {
    unsigned char set[128] = {0};
    long r = em_syscall(__NR_sched_getaffinity, 0, sizeof set, set);
    int n = r > 0 ? count_cpus(set, (size_t)r) : 1;
    return n ? n : 1;
}
EXPORT int get_nprocs(void) { return cpus(); }
EXPORT int get_nprocs_conf(void) { return cpus(); }
EXPORT int nice(int step) { return 0; }
EXPORT int getpriority(int which, unsigned who) {
    long r = em_syscall_errno(__NR_getpriority, which, who);
    return r < 0 ? -1 : (int)(20 - r);
}
EXPORT int setpriority(int which, unsigned who, int priority) { return (int)em_syscall_errno(__NR_setpriority, which, who, priority); }

/* -- limits ------------------------------------------------------------------------------------------- */

/* rlim_t of the plain names is one machine word in glibc, 64 bits in musl. */
EXPORT int prlimit64(int pid, int which, const uint64_t *limit, uint64_t *old) { return (int)em_syscall_errno(__NR_prlimit64, pid, which, limit, old); }
EXPORT int getrlimit64(int which, uint64_t *limit) { return prlimit64(0, which, 0, limit); }
EXPORT int setrlimit64(int which, const uint64_t *limit) { return prlimit64(0, which, limit, 0); }
#if __SIZEOF_LONG__ == 8
ASM_ALIAS(prlimit, prlimit64);
ASM_ALIAS(getrlimit, getrlimit64);
ASM_ALIAS(setrlimit, setrlimit64);
#else
EXPORT int getrlimit(int which, unsigned long *limit) {
    uint64_t wide[2];
    if (em_wide_offsets()) return getrlimit64(which, (uint64_t *)limit);
    if (getrlimit64(which, wide) < 0) return -1;
    for (int i = 0; i < 2; i++) limit[i] = wide[i] > ~0UL ? ~0UL : (unsigned long)wide[i];
    return 0;
}
EXPORT int setrlimit(int which, const unsigned long *limit) {
    if (em_wide_offsets()) return setrlimit64(which, (const uint64_t *)limit);
    uint64_t wide[2];
    for (int i = 0; i < 2; i++) wide[i] = limit[i] == ~0UL ? ~0ULL : limit[i];
    return setrlimit64(which, wide);
}
#endif
EXPORT int getdtablesize(void) { return 1024; }

/* -- the system ------------------------------------------------------------------------------------------ */

struct names { char system[65], node[65], release[65], version[65], machine[65], domain[65]; };
EXPORT int uname(struct names *n) { return (int)em_syscall_errno(__NR_uname, n); }
EXPORT int gethostname(char *name, size_t size) {
    struct names n;
    if (uname(&n) < 0) return -1;
    for (size_t i = 0; i < size; i++) {
        name[i] = n.node[i];
        if (!n.node[i]) return 0;
    }
    errno = ENAMETOOLONG;
    return -1;
}
EXPORT int getdomainname(char *name, size_t size) {
    if (size) *name = 0;
    return 0;
}
EXPORT int sysinfo(void *info) { return (int)em_syscall_errno(__NR_sysinfo, info); }
EXPORT int getpagesize(void) { return (int)em_process.page_size; }
EXPORT int prctl(int option, ...) {
    va_list list;
    va_start(list, option);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long);
    va_end(list);
    return (int)em_syscall_errno(__NR_prctl, option, a, b, c, d);
}
EXPORT long getrandom(void *buffer, size_t size, unsigned flags) { return em_syscall_cp_errno(__NR_getrandom, buffer, size, flags); }
EXPORT int getentropy(void *buffer, size_t size) {
    if (size > 256) {
        errno = EIO;
        return -1;
    }
    return em_syscall_errno(__NR_getrandom, buffer, size, 0) == (long)size ? 0 : -1;
}

/* sysconf's numbers are glibc's and musl's alike (bits/confname.h). */
EXPORT long sysconf(int name) {
    switch (name) {
    case 0: return 131072;          /* _SC_ARG_MAX */
    case 1: return 65536;           /* _SC_CHILD_MAX */
    case 2: return 100;             /* _SC_CLK_TCK */
    case 3: return 65536;           /* _SC_NGROUPS_MAX */
    case 4: return 1024;            /* _SC_OPEN_MAX */
    case 9: case 11: case 13: case 14: case 15: case 16: case 17: case 18: case 19: case 21: case 22:
        return 200809;              /* realtime signals, timers, fsync, mapped files, memory locking… */
    case 29: return 200809;         /* _SC_VERSION */
    case 30: return (long)em_process.page_size;   /* _SC_PAGESIZE */
    case 31: return 32;             /* _SC_RTSIG_MAX */
    case 32: return 0x7fffffff;     /* _SC_SEM_NSEMS_MAX */
    case 33: return 0x7fffffff;     /* _SC_SEM_VALUE_MAX */
    case 60: return 1024;           /* _SC_IOV_MAX */
    case 67: return 200809;         /* _SC_THREADS */
    case 68: return 200809;         /* _SC_THREAD_SAFE_FUNCTIONS */
    case 69: case 70: return 1024;  /* _SC_GETGR_R_SIZE_MAX, _SC_GETPW_R_SIZE_MAX */
    case 71: return 256;            /* _SC_LOGIN_NAME_MAX */
    case 72: return 32;             /* _SC_TTY_NAME_MAX */
    case 73: return 4;              /* _SC_THREAD_DESTRUCTOR_ITERATIONS */
    case 74: return EM_KEYS_MAX;    /* _SC_THREAD_KEYS_MAX */
    case 75: return 16384;          /* _SC_THREAD_STACK_MIN */
    case 77: case 78: case 79: return 200809;   /* thread attributes: stack address, stack size, priorities */
    case 83: case 84: return cpus();            /* _SC_NPROCESSORS_CONF, _SC_NPROCESSORS_ONLN */
    case 85: case 86: {                         /* _SC_PHYS_PAGES, _SC_AVPHYS_PAGES */
        struct { long uptime; unsigned long loads[3], total, free, rest[64]; } info;
        if (em_syscall(__NR_sysinfo, &info) < 0) return -1;
        return (long)((name == 85 ? info.total : info.free) / em_process.page_size);
    }
    case 149: return 200809;        /* _SC_MONOTONIC_CLOCK */
    case 180: return 64;            /* _SC_HOST_NAME_MAX */
    case 185: case 186: case 188: case 190: case 191: case 194: return 0;   /* cache sizes: not known */
    default: return -1;
    }
}
EXPORT long pathconf(const char *path, int name) { return name == 3 ? 255 : name == 4 ? 4096 : name == 5 ? 4096 : name == 0 ? 127 : -1; }
EXPORT long fpathconf(int fd, int name) { return pathconf("", name); }
EXPORT size_t confstr(int name, char *buffer, size_t size) {
    static const char path[] = "/bin:/usr/bin";
    if (name != 0) {
        errno = EINVAL;
        return 0;
    }
    for (size_t i = 0; i < sizeof path && i < size; i++) buffer[i] = path[i];
    if (size && size < sizeof path) buffer[size - 1] = 0;
    return sizeof path;
}

/* syscall(2) by number. Host calls are not for programs. */
EXPORT long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    if (number >= EM_BASE) {
        errno = ENOSYS;
        return -1;
    }
    return em_result(em_cancellable_result(em_cancellable(number, a, b, c, d, e, f)));
}

/* -- other processes: there are none, the kernel says so ------------------------------------------------------ */

EXPORT int execve(const char *path, char *const *argv, char *const *envp) { return (int)em_syscall_errno(__NR_execve, path, argv, envp); }
EXPORT int execv(const char *path, char *const *argv) { return execve(path, argv, environ); }
EXPORT int execvp(const char *path, char *const *argv) { return execve(path, argv, environ); }
EXPORT int wait4(int pid, int *status, int options, void *usage) { return (int)em_syscall_cp_errno(__NR_wait4, pid, status, options, usage); }
EXPORT int waitpid(int pid, int *status, int options) { return wait4(pid, status, options, 0); }
ASM_ALIAS(__waitpid, waitpid);
EXPORT int wait(int *status) { return wait4(-1, status, 0, 0); }
EXPORT int waitid(int type, unsigned id, void *info, int options) { return (int)em_syscall_cp_errno(__NR_waitid, type, id, info, options, 0); }
