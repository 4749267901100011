/* Clocks, sleeping and timers: time.h, sys/time.h, unistd.h's sleep and alarm, sys/timerfd.h. The kernel is asked in 64-bit
 * time on every ABI, and by the older calls where a 32-bit kernel does not know the new ones (before Linux 5.1). */
#include <asm/unistd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <time.h>
#include "timeconv.h"
#include "thread.h"

#define RETURN(r) return (int)em_result(r)

/* -- reading and setting clocks ------------------------------------------------------------------------ */

static long read_clock(clockid_t clock, struct em_ts64 *out) {
    long r = em_syscall(EM_NR64(clock_gettime), clock, out);
#if __SIZEOF_LONG__ == 4
    if (r == -ENOSYS) {
        struct em_ts32 narrow = {0, 0};
        r = em_syscall(__NR_clock_gettime, clock, &narrow);
        *out = (struct em_ts64){narrow.sec, narrow.nsec};
    }
#endif
    return r;
}

static int gettime(clockid_t clock, void *out, int wide) {
    struct em_ts64 t;
    long r = read_clock(clock, &t);
    if (r >= 0) em_ts_out(out, wide, &t);
    RETURN(r);
}
EM_TIMED1(int, clock_gettime, __clock_gettime64, (clockid_t clock, struct timespec *out), { return gettime(clock, out, wide); })
ASM_ALIAS(__clock_gettime, clock_gettime);

static int getres(clockid_t clock, void *out, int wide) {
    struct em_ts64 t;
#if __SIZEOF_LONG__ == 4
    struct em_ts32 narrow = {0, 0};
    long r = em_syscall(__NR_clock_getres, clock, &narrow);
    t = (struct em_ts64){narrow.sec, narrow.nsec};
#else
    long r = em_syscall(__NR_clock_getres, clock, &t);
#endif
    if (r >= 0) em_ts_out(out, wide, &t);
    RETURN(r);
}
EM_TIMED(int, clock_getres, __clock_getres64, __clock_getres_time64, (clockid_t clock, struct timespec *out), { return getres(clock, out, wide); })

EM_TIMED1(int, clock_settime, __clock_settime64, (clockid_t clock, const struct timespec *in), { RETURN(em_syscall(EM_NR64(clock_settime), clock, EM_TS(in))); })

static int getday(void *out, void *zone, int wide) {
    struct em_ts64 t;
    long r = read_clock(CLOCK_REALTIME, &t);
    if (r >= 0) em_tv_out(out, wide, &t);
    if (zone) ((int *)zone)[0] = ((int *)zone)[1] = 0;
    RETURN(r);
}
EM_TIMED(int, gettimeofday, __gettimeofday64, __gettimeofday_time64, (struct timeval *restrict out, void *restrict zone), { return getday(out, zone, wide); })
EM_TIMED(int, settimeofday, __settimeofday64, __settimeofday_time64, (const struct timeval *in, const struct timezone *zone),
         { RETURN(em_syscall(EM_NR64(clock_settime), CLOCK_REALTIME, EM_TV(in))); })

static int64_t now_seconds(void *out, int wide) {
    struct em_ts64 t = {0, 0};
    read_clock(CLOCK_REALTIME, &t);
    if (out && wide) *(int64_t *)out = t.sec;
    else if (out) *(int32_t *)out = (int32_t)t.sec;
    return t.sec;
}
EXPORT time_t time(time_t *out) { return (time_t)now_seconds(out, sizeof(time_t) == 8); }
#if __SIZEOF_LONG__ == 4
EXPORT int64_t __time64(int64_t *out) { return now_seconds(out, 1); }
#endif

EXPORT clock_t clock(void) {
    struct em_ts64 t;
    if (read_clock(CLOCK_PROCESS_CPUTIME_ID, &t) < 0) return (clock_t)-1;
    return (clock_t)(t.sec * 1000000 + t.nsec / 1000);
}

EM_TIMED(int, timespec_get, __timespec_get64, __timespec_get_time64, (struct timespec *out, int base), {
    if (base != TIME_UTC) return 0;
    return gettime(CLOCK_REALTIME, out, wide) == 0 ? base : 0;
})
EXPORT int clock_getcpuclockid(pid_t pid, clockid_t *out) {
    *out = (clockid_t)((unsigned)~pid << 3 | 2);   /* CPUCLOCK_SCHED */
    return 0;
}

/* -- sleeping ---------------------------------------------------------------------------------------------- */

static long sleep_until(clockid_t clock, int flags, const struct em_ts64 *wanted, struct em_ts64 *left) {
    if (em_ts_bad(wanted) || wanted->sec < 0) return -EINVAL;
    long r = em_syscall_cp(EM_NR64_TIME(clock_nanosleep), clock, flags, wanted, left);
#if __SIZEOF_LONG__ == 4
    if (r == -ENOSYS) {
        struct em_ts32 narrow;
        struct em_ts32 rest = {0, 0};
        em_ts_out(&narrow, 0, wanted);
        r = em_syscall_cp(__NR_clock_nanosleep, clock, flags, &narrow, &rest);
        if (left) *left = (struct em_ts64){rest.sec, rest.nsec};
    }
#endif
    return r;
}

/* glibc and Go's tracers see clock_nanosleep(CLOCK_REALTIME) for nanosleep since glibc 2.31. */
static long sleep_for(const struct em_ts64 *wanted, void *left, int wide) {
    struct em_ts64 rest = {0, 0};
    long r = sleep_until(CLOCK_REALTIME, 0, wanted, &rest);
    if (r == -EINTR) em_ts_out(left, wide, &rest);
    return r;
}
EM_TIMED(int, nanosleep, __nanosleep64, __nanosleep_time64, (const struct timespec *wanted, struct timespec *left), { RETURN(sleep_for(EM_TS(wanted), left, wide)); })
ASM_ALIAS(__nanosleep, nanosleep);

EM_TIMED1(int, clock_nanosleep, __clock_nanosleep_time64, (clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left), {
    struct em_ts64 rest = {0, 0};
    if (clock == CLOCK_THREAD_CPUTIME_ID) return EINVAL;
    long r = sleep_until(clock, flags, EM_TS(wanted), flags & TIMER_ABSTIME ? 0 : &rest);
    if (r == -EINTR && !(flags & TIMER_ABSTIME)) em_ts_out(left, wide, &rest);
    return (int)-r;
})
EM_TIMED(int, thrd_sleep, __thrd_sleep64, __thrd_sleep_time64, (const struct timespec *wanted, struct timespec *left), {
    long r = sleep_for(EM_TS(wanted), left, wide);
    return r == 0 ? 0 : r == -EINTR ? -1 : -2;
})

EXPORT unsigned sleep(unsigned seconds) {
    struct em_ts64 wanted = {seconds, 0}, left = {0, 0};
    return sleep_until(CLOCK_REALTIME, 0, &wanted, &left) == -EINTR ? (unsigned)left.sec + (left.nsec >= 500000000) : 0;
}
EXPORT int usleep(unsigned microseconds) {
    struct em_ts64 wanted = {microseconds / 1000000, microseconds % 1000000 * 1000};
    RETURN(sleep_until(CLOCK_REALTIME, 0, &wanted, 0));
}

/* -- interval timers ------------------------------------------------------------------------------------------ */

struct interval { struct em_ts64 interval, value; };   /* as timevals: microseconds in nsec */

/* setitimer(2) has no 64-bit form: the kernel's structure is four longs everywhere. */
static long interval_timer(long nr, int which, const struct interval *in, struct interval *out) {
    long kernel_in[4], kernel_out[4] = {0, 0, 0, 0};
    if (in) {
        kernel_in[0] = (long)in->interval.sec, kernel_in[1] = (long)in->interval.nsec;
        kernel_in[2] = (long)in->value.sec, kernel_in[3] = (long)in->value.nsec;
    }
    long r = nr == __NR_getitimer ? em_syscall(nr, which, kernel_out) : em_syscall(nr, which, in ? kernel_in : 0, kernel_out);
    if (r >= 0 && out) *out = (struct interval){{kernel_out[0], kernel_out[1]}, {kernel_out[2], kernel_out[3]}};
    return r;
}
static inline size_t pair_step(int wide) { return wide ? sizeof(struct em_user_ts64) : sizeof(struct em_ts32); }
static const struct interval *pair_in(const void *from, int wide, struct interval *to) {
    if (!from) return 0;
    em_ts_in(from, wide, &to->interval);
    em_ts_in((const char *)from + pair_step(wide), wide, &to->value);
    return to;
}
static void pair_out(void *to, int wide, const struct interval *from) {
    if (!to) return;
    em_ts_out(to, wide, &from->interval);
    em_ts_out((char *)to + pair_step(wide), wide, &from->value);
}
EM_TIMED(int, setitimer, __setitimer64, __setitimer_time64, (__itimer_which_t which, const struct itimerval *in, struct itimerval *out), {
    struct interval wanted, old;
    long r = interval_timer(__NR_setitimer, (int)which, pair_in(in, wide, &wanted), &old);
    if (r >= 0) pair_out(out, wide, &old);
    RETURN(r);
})
EM_TIMED(int, getitimer, __getitimer64, __getitimer_time64, (__itimer_which_t which, struct itimerval *out), {
    struct interval now;
    long r = interval_timer(__NR_getitimer, (int)which, 0, &now);
    if (r >= 0) pair_out(out, wide, &now);
    RETURN(r);
})
EXPORT unsigned alarm(unsigned seconds) {
    struct interval wanted = {{0, 0}, {seconds, 0}}, old = {{0, 0}, {0, 0}};
    interval_timer(__NR_setitimer, ITIMER_REAL, &wanted, &old);
    return (unsigned)old.value.sec + (old.value.nsec != 0);
}
EXPORT unsigned ualarm(unsigned value, unsigned interval) {
    struct interval wanted = {{interval / 1000000, interval % 1000000}, {value / 1000000, value % 1000000}}, old = {{0, 0}, {0, 0}};
    interval_timer(__NR_setitimer, ITIMER_REAL, &wanted, &old);
    return (unsigned)(old.value.sec * 1000000 + old.value.nsec);
}

/* -- POSIX timers: a timer_t is the kernel's number, or the address of a struct threaded with bit 0 set ------------- */

/* SIGEV_THREAD: a thread of the library waits for the timer's signal (32) and calls the function. */
struct threaded { struct sigevent event; int kernel_id, stop; pthread_t thread; int ready; };

static void *timer_thread(void *argument) {
    struct threaded *t = argument;
    uint64_t set = 1ULL << (SIGCANCEL - 1);
    siginfo_t info;
    __atomic_store_n(&t->ready, em_self()->tid, __ATOMIC_RELEASE);
    em_futex_wake(&t->ready, 1);
    for (;;) {
        long r = em_syscall(__NR_rt_sigtimedwait, &set, &info, 0, 8);
        if (t->stop) break;
        if (r == SIGCANCEL && info.si_code == SI_TIMER) t->event.sigev_notify_function(t->event.sigev_value);
    }
    em_free(t);
    return 0;
}

static long kernel_id(timer_t timer) {
    uintptr_t t = (uintptr_t)timer;
    return t & 1 ? ((struct threaded *)(t & ~(uintptr_t)1))->kernel_id : (long)(t >> 1);
}

EXPORT int timer_create(clockid_t clock, struct sigevent *event, timer_t *out) {
    int id = 0;
    if (!event || event->sigev_notify != SIGEV_THREAD) {
        long r = em_syscall(__NR_timer_create, clock, event, &id);
        if (r >= 0) *out = (timer_t)((uintptr_t)(unsigned)id << 1);
        RETURN(r);
    }
    struct threaded *t = em_calloc(1, sizeof *t);
    if (!t) {
        errno = ENOMEM;
        return -1;
    }
    t->event = *event;
    uint64_t bit = 1ULL << (SIGCANCEL - 1), old;
    em_syscall(__NR_rt_sigprocmask, SIG_BLOCK, &bit, &old, 8);   /* inherited: the thread only ever waits for it */
    int error = pthread_create(&t->thread, event->sigev_notify_attributes, timer_thread, t);
    em_restore_signals(&old);
    if (error) {
        em_free(t);
        errno = EAGAIN;
        return -1;
    }
    pthread_detach(t->thread);
    while (!__atomic_load_n(&t->ready, __ATOMIC_ACQUIRE)) em_futex_wait(&t->ready, 0, 0, 0);
    struct sigevent kernel = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGCANCEL};
    kernel.sigev_value = event->sigev_value;
    kernel._sigev_un._tid = t->ready;
    long r = em_syscall(__NR_timer_create, clock, &kernel, &t->kernel_id);
    if (r < 0) {
        t->stop = 1;
        em_syscall(__NR_tgkill, em_syscall(__NR_getpid), t->ready, SIGCANCEL);
        RETURN(r);
    }
    *out = (timer_t)((uintptr_t)t | 1);
    return 0;
}

EXPORT int timer_delete(timer_t timer) {
    long r = em_syscall(__NR_timer_delete, kernel_id(timer));
    if ((uintptr_t)timer & 1) {
        struct threaded *t = (struct threaded *)((uintptr_t)timer & ~(uintptr_t)1);
        t->stop = 1;
        em_syscall(__NR_tgkill, em_syscall(__NR_getpid), t->ready, SIGCANCEL);
    }
    RETURN(r);
}

/* The kernel's itimerspec in 64-bit time is struct interval. */
EM_TIMED1(int, timer_settime, __timer_settime64, (timer_t timer, int flags, const struct itimerspec *in, struct itimerspec *out), {
    struct interval wanted;
    struct interval old;
    long r = em_syscall(EM_NR64(timer_settime), kernel_id(timer), flags, pair_in(in, wide, &wanted), out ? &old : 0);
    if (r >= 0) pair_out(out, wide, &old);
    RETURN(r);
})
EM_TIMED1(int, timer_gettime, __timer_gettime64, (timer_t timer, struct itimerspec *out), {
    struct interval now;
    long r = em_syscall(EM_NR64(timer_gettime), kernel_id(timer), &now);
    if (r >= 0) pair_out(out, wide, &now);
    RETURN(r);
})
EXPORT int timer_getoverrun(timer_t timer) { RETURN(em_syscall(__NR_timer_getoverrun, kernel_id(timer))); }

EXPORT int timerfd_create(clockid_t clock, int flags) { RETURN(em_syscall(__NR_timerfd_create, clock, flags)); }
EM_TIMED1(int, timerfd_settime, __timerfd_settime64, (int fd, int flags, const struct itimerspec *in, struct itimerspec *out), {
    struct interval wanted;
    struct interval old;
    long r = em_syscall(EM_NR64(timerfd_settime), fd, flags, pair_in(in, wide, &wanted), &old);
    if (r >= 0) pair_out(out, wide, &old);
    RETURN(r);
})
EM_TIMED1(int, timerfd_gettime, __timerfd_gettime64, (int fd, struct itimerspec *out), {
    struct interval now;
    long r = em_syscall(EM_NR64(timerfd_gettime), fd, &now);
    if (r >= 0) pair_out(out, wide, &now);
    RETURN(r);
})

/* -- used time ------------------------------------------------------------------------------------------------- */

EXPORT clock_t times(void *out) {
    long r = em_syscall(__NR_times, out);
    return r < 0 && r > -4096 ? em_result(r) : r;
}
EM_TIMED(int, getrusage, __getrusage64, __getrusage_time64, (__rusage_who_t who, struct rusage *out), {
    long kernel[18];
    long r = em_syscall(__NR_getrusage, who, kernel);
    if (r >= 0) {
        /* Two timevals, then fourteen longs. */
        struct em_ts64 user = {kernel[0], kernel[1]};
        struct em_ts64 system = {kernel[2], kernel[3]};
        em_ts_out(out, wide, &user);
        em_ts_out((char *)out + pair_step(wide), wide, &system);
        __builtin_memcpy((char *)out + 2 * pair_step(wide), kernel + 4, 14 * sizeof(long));
    }
    RETURN(r);
})
EM_TIMED1(int, sched_rr_get_interval, __sched_rr_get_interval64, (pid_t pid, struct timespec *out), {
    struct em_ts64 slice = {0, 100000000};
    em_ts_out(out, wide, &slice);
    return 0;
})
