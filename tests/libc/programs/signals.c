/* signal.h and setjmp.h: handlers, masks, waiting, alternate stacks, jumps, abort. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

/* Arguments are evaluated in no fixed order: errno is looked at in here, after the call. */
static int fails(long result, int error) { return result == -1 && errno == error; }

static volatile sig_atomic_t seen, last, code, inside, value;
static char *fault_address;
static pthread_t where;

static void count(int s) { seen++; last = s; where = pthread_self(); }
static void with_info(int s, siginfo_t *i, void *u) {
    seen++;
    last = i->si_signo == s ? s : -1;
    code = i->si_code;
    value = i->si_value.sival_int;
    fault_address = i->si_addr;
    char here;
    stack_t now;
    sigaltstack(0, &now);
    inside = &here >= (char *)now.ss_sp && &here < (char *)now.ss_sp + now.ss_size && (now.ss_flags & SS_ONSTACK);
}
static void nested(int s) {
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, 0, &now);
    value = sigismember(&now, SIGUSR1) * 2 + sigismember(&now, SIGUSR2);
    int before = seen;
    raise(SIGUSR2);
    last = seen == before;
}

static struct sigaction action(void (*h)(int), int flags) {
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = h;
    a.sa_flags = flags;
    return a;
}

static void sets(void) {
    sigset_t a, b, c;
    sigemptyset(&a);
    sigaddset(&a, SIGUSR1);
    sigaddset(&a, 64);
    sigfillset(&b);
    SAY("sets: %d %d %d %d", sigismember(&a, SIGUSR1), sigismember(&a, SIGUSR2), sigismember(&a, 64), sigismember(&b, SIGTERM));
    SAY(" bad %d", fails(sigaddset(&a, 0), EINVAL));
    SAY(" %d", fails(sigismember(&a, 65), EINVAL));
    sigdelset(&a, 64);
    SAY(" deleted %d", sigismember(&a, 64));
    sigandset(&c, &a, &b);
    sigorset(&b, &a, &c);
    SAY(" empty %d %d and %d or %d\n", sigisemptyset(&a), sigisemptyset(&c), sigismember(&c, SIGUSR1), sigismember(&b, SIGUSR1));
}

static void handlers(void) {
    struct sigaction a = action(count, SA_RESTART), old;
    sigaction(SIGUSR1, &a, 0);
    raise(SIGUSR1);
    SAY("raise: %d %d\n", seen, last == SIGUSR1);
    sigaction(SIGUSR1, 0, &old);
    SAY("old: %d restart %d\n", old.sa_handler == count, !!(old.sa_flags & SA_RESTART));
    SAY("signal: %d", signal(SIGUSR1, SIG_IGN) == count);
    raise(SIGUSR1);
    SAY(" ignored %d", seen);
    SAY(", back %d\n", signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    SAY("kill's handler: %d\n", fails(sigaction(SIGKILL, &a, 0), EINVAL));
    a = action(nested, 0);
    sigaddset(&a.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &a, 0);
    a = action(count, 0);
    sigaction(SIGUSR2, &a, 0);
    raise(SIGUSR1);
    SAY("mask in the handler: %d, held back %d, then %d\n", value, last == SIGUSR2, seen);
    a = action(count, SA_RESETHAND | SA_NODEFER);
    sigaction(SIGUSR1, &a, 0);
    raise(SIGUSR1);
    sigaction(SIGUSR1, 0, &old);
    SAY("one shot: %d %d\n", seen, old.sa_handler == SIG_DFL);
}

static void masks(void) {
    sigset_t set, old, now;
    struct sigaction a = action(count, 0);
    sigaction(SIGUSR1, &a, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    seen = 0;
    SAY("block: %d", sigprocmask(SIG_BLOCK, &set, &old));
    raise(SIGUSR1);
    raise(SIGUSR1);
    sigpending(&now);
    SAY(" seen %d pending %d", seen, sigismember(&now, SIGUSR1));
    sigprocmask(SIG_SETMASK, &old, 0);
    SAY(" then %d\n", seen);
    SAY("bad how: %d\n", pthread_sigmask(77, &set, 0) == EINVAL);
    sigprocmask(SIG_BLOCK, &set, 0);
    raise(SIGUSR1);
    sigemptyset(&now);
    int r = sigsuspend(&now);
    SAY("sigsuspend: %d %d seen %d\n", r, errno == EINTR, seen);
    int s = 0;
    raise(SIGUSR1);
    SAY("sigwait: %d", sigwait(&set, &s));
    SAY(" %d seen %d\n", s == SIGUSR1, seen);
    siginfo_t info;
    struct timespec t = {0, 5000000};
    SAY("sigtimedwait: %d\n", fails(sigtimedwait(&set, &info, &t), EAGAIN));
    union sigval v = {.sival_int = 42};
    sigqueue(getpid(), SIGUSR1, v);
    SAY("sigqueue: %d", sigwaitinfo(&set, &info) == SIGUSR1);
    SAY(" %d %d\n", info.si_value.sival_int, info.si_code == SI_QUEUE);
    sigprocmask(SIG_UNBLOCK, &set, 0);
}

static char *alternate;
static void stacks(void) {
    alternate = malloc(65536);
    stack_t stack = {.ss_sp = alternate, .ss_size = 65536}, old;
    SAY("sigaltstack: %d", sigaltstack(&stack, 0));
    sigaltstack(0, &old);
    SAY(" %d %d\n", old.ss_sp == alternate, old.ss_size == 65536);
    struct sigaction a = action(0, SA_SIGINFO | SA_ONSTACK);
    a.sa_sigaction = with_info;
    sigaction(SIGUSR1, &a, 0);
    seen = inside = 0;
    raise(SIGUSR1);
    SAY("on it: %d %d, code tkill %d\n", seen, inside, code == SI_TKILL);
    union sigval v = {.sival_int = 7};
    sigaction(SIGRTMIN + 1, &a, 0);
    sigqueue(getpid(), SIGRTMIN + 1, v);
    SAY("real-time: %d %d\n", last == SIGRTMIN + 1, value);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, 0);
}

static sigjmp_buf jump;
static void jump_out(int s, siginfo_t *i, void *u) {
    fault_address = i->si_addr;
    siglongjmp(jump, s);
}
static jmp_buf plain;
static int depth;
static __attribute__((noinline)) void deep(int n) {
    volatile char room[100];
    room[n] = (char)n;
    if (n == 0) longjmp(plain, 0);
    deep(n - 1);
    depth = room[n];
}
static void jumps(void) {
    int again = 0;
    volatile int kept = 5;
    double volatile number = 1.5;
    int r = setjmp(plain);
    if (r == 0) {
        kept = 6;
        number *= 2;
        deep(20);
    } else again = r;
    SAY("longjmp: %d kept %d %.1f\n", again, kept, number);
    struct sigaction a = action(0, SA_SIGINFO);
    a.sa_sigaction = jump_out;
    sigaction(SIGSEGV, &a, 0);
    for (int i = 0; i < 2; i++) {
        int s = sigsetjmp(jump, 1);
        if (s == 0) *(volatile int *)(uintptr_t)(16 + i) = 1;
        sigset_t now;
        sigprocmask(SIG_BLOCK, 0, &now);
        SAY("fault %d: %d at %d, mask restored %d\n", i, s == SIGSEGV, (int)(uintptr_t)fault_address, !sigismember(&now, SIGSEGV));
    }
    signal(SIGSEGV, SIG_DFL);
}

static volatile int stop;
static void *spin(void *unused) {
    while (!stop) { }
    return 0;
}
static void threads(void) {
    pthread_t t;
    struct sigaction a = action(count, 0);
    sigaction(SIGUSR2, &a, 0);
    pthread_create(&t, 0, spin, 0);
    seen = 0;
    SAY("pthread_kill: %d", pthread_kill(t, SIGUSR2));
    while (!seen) usleep(1000);
    SAY(" there %d\n", pthread_equal(where, t) != 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    seen = 0;
    kill(getpid(), SIGUSR2);
    while (!seen) usleep(1000);
    SAY("to the process, by the thread that lets it in: %d\n", pthread_equal(where, t) != 0);
    pthread_sigmask(SIG_UNBLOCK, &set, 0);
    stop = 1;
    pthread_join(t, 0);
}

static void interrupted(void) {
    int fds[2];
    char c;
    pipe(fds);
    struct sigaction a = action(count, 0);
    sigaction(SIGALRM, &a, 0);
    struct itimerval t = {{0, 0}, {0, 5000}};
    seen = 0;
    setitimer(ITIMER_REAL, &t, 0);
    int r = (int)read(fds[0], &c, 1);
    SAY("read: %d %d seen %d\n", r, errno == EINTR, seen);
    setitimer(ITIMER_REAL, &t, 0);
    struct timespec wanted = {5, 0}, left = {0, 0};
    r = nanosleep(&wanted, &left);
    SAY("nanosleep: %d %d left %d\n", r, errno == EINTR, left.tv_sec == 4);
    alarm(1);
    unsigned before = alarm(0);
    SAY("alarm: %u\n", before);
    signal(SIGPIPE, SIG_IGN);
    close(fds[0]);
    r = (int)write(fds[1], "x", 1);
    SAY("broken pipe: %d %d\n", r, errno == EPIPE);
}

static void on_abort(int s) { SAY("SIGABRT\n"); }

int main(void) {
    sets();
    handlers();
    masks();
    stacks();
    jumps();
    threads();
    interrupted();
    signal(SIGABRT, on_abort);
    abort();
}
