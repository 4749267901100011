/* signal.h. Signals 32 and 33 belong to the library, as in glibc (nptl's SIGCANCEL and SIGSETXID). */
#include <asm/unistd.h>
#include <limits.h>
#include <signal.h>
#include "timeconv.h"
#include "thread.h"
#include "signal_internal.h"

#define KERNEL_SIGSET 8
#define SA_RESTORER_FLAG 0x04000000UL
#define INTERNAL (3ULL << (SIGCANCEL - 1))

HIDDEN void em_signal_return(void);
#if defined(__arm__)
HIDDEN void em_signal_return_plain(void);
#else
#define em_signal_return_plain em_signal_return
#endif

HIDDEN long em_sigaction(int signal, struct em_sigaction *action, struct em_sigaction *old) {
    if (action) {
        action->flags |= SA_RESTORER_FLAG;
        action->restorer = action->flags & SA_SIGINFO ? (void *)em_signal_return : (void *)em_signal_return_plain;
    }
    return em_syscall(__NR_rt_sigaction, signal, action, old, KERNEL_SIGSET);
}

EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *old) {
    if (signal == SIGCANCEL || signal == SIGCANCEL + 1) {
        errno = EINVAL;
        return -1;
    }
    struct em_sigaction a, o = {0};
    if (action) {
        a.handler = (void *)action->sa_handler;
        a.flags = (unsigned long)(unsigned)action->sa_flags;
        a.mask = *(const uint64_t *)&action->sa_mask & ~INTERNAL;
    }
    long r = em_sigaction(signal, action ? &a : 0, old ? &o : 0);
    if (r >= 0 && old) {
        old->sa_handler = (__sighandler_t)o.handler;
        old->sa_flags = (int)o.flags;
        old->sa_restorer = (void (*)(void))o.restorer;
        __builtin_memset(&old->sa_mask, 0, sizeof old->sa_mask);
        *(uint64_t *)&old->sa_mask = o.mask;
    }
    return (int)em_result(r);
}
ASM_ALIAS(__sigaction, sigaction);
ASM_ALIAS(__libc_sigaction, sigaction);

static __sighandler_t install(int signal, __sighandler_t handler, int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;
    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    return sigaction(signal, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
}
EXPORT __sighandler_t signal(int number, __sighandler_t handler) { return install(number, handler, SA_RESTART); }
ASM_ALIAS(bsd_signal, signal);
ASM_ALIAS(ssignal, signal);
EXPORT __sighandler_t sysv_signal(int number, __sighandler_t handler) { return install(number, handler, (int)(SA_RESETHAND | SA_NODEFER)); }
ASM_ALIAS(__sysv_signal, sysv_signal);

/* -- sets: 1024 bits to the program, of which the kernel knows 64 ------------------------------------ */

static inline int bad_signal(int signal) {
    if (LIKELY(signal > 0 && signal < 65)) return 0;
    errno = EINVAL;
    return -1;
}

EXPORT int sigemptyset(sigset_t *set) {
    for (unsigned i = 0; i < sizeof *set / sizeof(long); i++) ((volatile unsigned long *)set)[i] = 0;
    return 0;
}
EXPORT int sigfillset(sigset_t *set) {
    for (unsigned i = 0; i < sizeof *set / sizeof(long); i++) ((volatile unsigned long *)set)[i] = ~0UL;
    *(uint64_t *)set &= ~INTERNAL;
    return 0;
}
EXPORT int sigaddset(sigset_t *set, int signal) {
    if (bad_signal(signal)) return -1;
    ((unsigned char *)set)[(signal - 1) >> 3] |= (unsigned char)(1 << ((signal - 1) & 7));
    return 0;
}
EXPORT int sigdelset(sigset_t *set, int signal) {
    if (bad_signal(signal)) return -1;
    ((unsigned char *)set)[(signal - 1) >> 3] &= (unsigned char)~(1 << ((signal - 1) & 7));
    return 0;
}
EXPORT int sigismember(const sigset_t *set, int signal) {
    if (bad_signal(signal)) return -1;
    return ((const unsigned char *)set)[(signal - 1) >> 3] >> ((signal - 1) & 7) & 1;
}
EXPORT int sigisemptyset(const sigset_t *set) { return *(const uint64_t *)set == 0; }
EXPORT int sigandset(sigset_t *to, const sigset_t *a, const sigset_t *b) {
    for (unsigned i = 0; i < sizeof *to / sizeof(long); i++)
        ((unsigned long *)to)[i] = ((const unsigned long *)a)[i] & ((const unsigned long *)b)[i];
    return 0;
}
EXPORT int sigorset(sigset_t *to, const sigset_t *a, const sigset_t *b) {
    for (unsigned i = 0; i < sizeof *to / sizeof(long); i++)
        ((unsigned long *)to)[i] = ((const unsigned long *)a)[i] | ((const unsigned long *)b)[i];
    return 0;
}

/* -- masks ------------------------------------------------------------------------------------------- */

static long change_mask(int how, const sigset_t *set, sigset_t *old) {
    uint64_t wanted = 0, previous;
    if (set) {
        wanted = *(const uint64_t *)set;
        if (how != SIG_UNBLOCK) wanted &= ~INTERNAL;
    }
    long r = em_syscall(__NR_rt_sigprocmask, how, set ? &wanted : 0, &previous, KERNEL_SIGSET);
    if (r >= 0 && old) {
        sigemptyset(old);
        *(uint64_t *)old = previous;
    }
    return r;
}
EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old) { return (int)em_result(change_mask(how, set, old)); }
EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old) { return (int)-change_mask(how, set, old); }
ASM_ALIAS(__pthread_sigmask, pthread_sigmask);

EXPORT int sigpending(sigset_t *set) {
    sigemptyset(set);
    return (int)em_syscall_errno(__NR_rt_sigpending, set, KERNEL_SIGSET);
}
EXPORT int sigsuspend(const sigset_t *set) { return (int)em_syscall_cp_errno(__NR_rt_sigsuspend, set, KERNEL_SIGSET); }
ASM_ALIAS(__sigsuspend, sigsuspend);
EXPORT int pause(void) {
#ifdef __NR_pause
    return (int)em_syscall_cp_errno(__NR_pause);
#else
    return (int)em_syscall_cp_errno(__NR_ppoll, 0, 0, 0, 0, KERNEL_SIGSET);
#endif
}
EXPORT int sigaltstack(const stack_t *stack, stack_t *old) { return (int)em_syscall_errno(__NR_sigaltstack, stack, old); }

EXPORT int siginterrupt(int signal, int interrupt) {
    struct sigaction action;
    if (sigaction(signal, 0, &action) < 0) return -1;
    action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
    return sigaction(signal, &action, 0);
}
EXPORT int sighold(int signal) {
    sigset_t set;
    sigemptyset(&set);
    return sigaddset(&set, signal) < 0 ? -1 : sigprocmask(SIG_BLOCK, &set, 0);
}
EXPORT int sigrelse(int signal) {
    sigset_t set;
    sigemptyset(&set);
    return sigaddset(&set, signal) < 0 ? -1 : sigprocmask(SIG_UNBLOCK, &set, 0);
}
EXPORT int sigignore(int signal) { return install(signal, SIG_IGN, 0) == SIG_ERR ? -1 : 0; }
EXPORT int sigblock(int mask) {
    uint64_t old, set = (unsigned)mask;
    em_syscall(__NR_rt_sigprocmask, SIG_BLOCK, &set, &old, KERNEL_SIGSET);
    return (int)old;
}
EXPORT int sigsetmask(int mask) {
    uint64_t old, set = (unsigned)mask;
    em_syscall(__NR_rt_sigprocmask, SIG_SETMASK, &set, &old, KERNEL_SIGSET);
    return (int)old;
}
EXPORT int siggetmask(void) { return sigblock(0); }

/* -- sending ------------------------------------------------------------------------------------------ */

EXPORT int kill(pid_t pid, int signal) { return (int)em_syscall_errno(__NR_kill, pid, signal); }
EXPORT int killpg(pid_t group, int signal) {
    if (group >= 0) return kill(-group, signal);
    errno = EINVAL;
    return -1;
}
EXPORT int tgkill(pid_t group, pid_t tid, int signal) { return (int)em_syscall_errno(__NR_tgkill, group, tid, signal); }
EXPORT int raise(int signal) { return (int)em_syscall_errno(__NR_tgkill, em_syscall(__NR_getpid), em_self()->tid, signal); }
ASM_ALIAS(gsignal, raise);
EXPORT int sigqueue(pid_t pid, int signal, const union sigval value) {
    siginfo_t info = {0};
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_pid = (int)em_syscall(__NR_getpid);
    info.si_value = value;
    return (int)em_syscall_errno(__NR_rt_sigqueueinfo, pid, signal, &info);
}

/* -- waiting ------------------------------------------------------------------------------------------- */

static long timedwait(const sigset_t *set, siginfo_t *info, const struct em_ts64 *limit) {
    long r;
#if __SIZEOF_LONG__ == 4
    r = em_syscall_cp(__NR_rt_sigtimedwait_time64, set, info, limit, KERNEL_SIGSET);
    if (r == -ENOSYS) {
        struct em_ts32 narrow;
        if (limit) em_ts_out(&narrow, 0, limit);
        r = em_syscall_cp(__NR_rt_sigtimedwait, set, info, limit ? &narrow : 0, KERNEL_SIGSET);
    }
#else
    r = em_syscall_cp(__NR_rt_sigtimedwait, set, info, limit, KERNEL_SIGSET);
#endif
    if (r >= 0 && info && info->si_code == SI_TKILL) info->si_code = SI_USER;   /* as raise and pthread_kill look to POSIX */
    return r;
}
EM_TIMED(int, sigtimedwait, __sigtimedwait64, __sigtimedwait_time64,
         (const sigset_t *set, siginfo_t *info, const struct timespec *limit),
         { return (int)em_result(timedwait(set, info, EM_TS(limit))); })
EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info) { return (int)em_result(timedwait(set, info, 0)); }
EXPORT int sigwait(const sigset_t *set, int *signal) {
    long r;
    do {
        r = timedwait(set, 0, 0);
    } while (r == -EINTR);
    if (r < 0) return (int)-r;
    *signal = (int)r;
    return 0;
}

EXPORT int __libc_current_sigrtmin(void) { return SIGCANCEL + 2; }
EXPORT int __libc_current_sigrtmax(void) { return 64; }

/* -- setjmp.h: what the assembly leaves to C ------------------------------------------------------------ */

/* glibc's and musl's jmp_buf: the registers, one word that says whether a mask follows, the mask. */
#if defined(__x86_64__)
enum { REGISTERS = 64 };
#elif defined(__aarch64__)
enum { REGISTERS = 176 };
#else
enum { REGISTERS = 256 };
#endif

HIDDEN int em_save_mask(char *buffer, int save) {
    *(int *)(buffer + REGISTERS) = save;
    if (save) em_syscall(__NR_rt_sigprocmask, SIG_BLOCK, 0, buffer + REGISTERS + sizeof(long), KERNEL_SIGSET);
    return 0;
}

HIDDEN NORETURN void em_jump(void *buffer, int value);

EXPORT NORETURN void em_longjmp(char *buffer, int value) __asm__("siglongjmp");
EXPORT NORETURN void em_longjmp(char *buffer, int value) {
    if (*(int *)(buffer + REGISTERS)) em_syscall(__NR_rt_sigprocmask, SIG_SETMASK, buffer + REGISTERS + sizeof(long), 0, KERNEL_SIGSET);
    em_jump(buffer, value ? value : 1);
}
ASM_ALIAS(longjmp, siglongjmp);
ASM_ALIAS(_longjmp, siglongjmp);
ASM_ALIAS(__longjmp_chk, siglongjmp);
ASM_ALIAS(__libc_siglongjmp, siglongjmp);
ASM_ALIAS(__libc_longjmp, siglongjmp);
