/*
 * What Linux answers: signals, timers, futexes and memory calls, one "name: answer" line each.
 *
 *     linux > expected.txt          on an amd64 Linux; the same program must print the same as a guest
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), putchar('\n'))
#define ERR(call) ((call) == -1 ? errno : 0)
#define MS 1000000L

#if defined(__x86_64__)
#define PC(uc) (uc)->uc_mcontext.gregs[REG_RIP]
#define SP(uc) (uc)->uc_mcontext.gregs[REG_RSP]
#elif defined(__aarch64__)
#define PC(uc) (uc)->uc_mcontext.pc
#define SP(uc) (uc)->uc_mcontext.sp
#else
#define PC(uc) (uc)->uc_mcontext.arm_pc
#define SP(uc) (uc)->uc_mcontext.arm_sp
#endif

static volatile sig_atomic_t count, last, code, value, sent_here, inside;
static void *volatile address;
static sigjmp_buf back;

static void note(int signo, siginfo_t *info, void *context) {
    count++;
    last = signo;
    code = info->si_code;
    value = info->si_value.sival_int;
    sent_here = info->si_pid == getpid();
    address = info->si_addr;
}

static void handle(int signo, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    sigaction(signo, &action, NULL);
}

static sigset_t only(int signo) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signo);
    return set;
}

static void block(int signo, int how) {
    sigset_t set = only(signo);
    pthread_sigmask(how, &set, NULL);
}

static void pause_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * MS};
    while (nanosleep(&time, &time) == -1) {}
}

static void origins(void) {
    union sigval sent = {.sival_int = 77};
    handle(SIGUSR1, note, 0);
    raise(SIGUSR1);
    SAY("raise: %d %d %d", last == SIGUSR1, code, sent_here);
    kill(getpid(), SIGUSR1);
    SAY("kill: %d %d", code, sent_here);
    sigqueue(getpid(), SIGUSR1, sent);
    SAY("sigqueue: %d %d %d", code, value, sent_here);
    SAY("kill 0: %d, bad: %d, nobody: %d", ERR(kill(getpid(), 0)), ERR(kill(getpid(), 65)), ERR(kill(0x3ffffff, 0)));
    SAY("ignored: %d %d %d", raise(SIGCHLD), raise(SIGURG), raise(SIGWINCH));
    SAY("sigaction: %d %d", ERR(sigaction(SIGKILL, &(struct sigaction){0}, NULL)), ERR(sigaction(65, NULL, NULL)));
}

static void queueing(void) {
    int order[8], n = 0;
    sigset_t all, pending;
    union sigval sent;
    sigemptyset(&all);
    sigaddset(&all, SIGUSR1);
    sigaddset(&all, SIGUSR2);
    sigaddset(&all, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int i = 0; i < 3; i++) {
        sent.sival_int = i;
        sigqueue(getpid(), SIGRTMIN + 3, sent);
        sigqueue(getpid(), SIGUSR2, sent);
        sigqueue(getpid(), SIGUSR1, sent);
    }
    sigpending(&pending);
    SAY("pending: %d %d %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGHUP),
        sigismember(&pending, SIGRTMIN + 3));
    struct timespec now = {0, 0};
    siginfo_t info;
    while (n < 8 && sigtimedwait(&all, &info, &now) > 0)
        order[n++] = (info.si_signo == SIGUSR1 ? 100 : info.si_signo == SIGUSR2 ? 200 : 300) + info.si_value.sival_int;
    printf("order:");
    for (int i = 0; i < n; i++) printf(" %d", order[i]);
    SAY(", then %d", ERR(sigtimedwait(&all, NULL, &now)));
    now.tv_nsec = 2 * MS;
    SAY("sigtimedwait: %d", ERR(sigtimedwait(&all, NULL, &now)));
    handle(SIGUSR1, note, 0);
    count = 0;
    raise(SIGUSR1);
    SAY("blocked: %d", count);
    sigset_t none;
    sigemptyset(&none);
    SAY("sigsuspend: %d, handled %d", ERR(sigsuspend(&none)), count);
    sigprocmask(SIG_BLOCK, NULL, &pending);
    SAY("mask after: %d", sigismember(&pending, SIGUSR1));
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    sigpending(&pending);
    SAY("ignoring discards: %d", sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_UNBLOCK, &all, NULL);
}

static void nest(int signo, siginfo_t *info, void *context) {
    sigset_t mask;
    if (++count < 3) raise(signo);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    inside = sigismember(&mask, signo);
    value = value * 10 + count;
}

static void flags(void) {
    struct sigaction old;
    count = value = 0;
    handle(SIGUSR1, nest, SA_NODEFER);
    raise(SIGUSR1);
    SAY("nodefer: %d, masked %d, order %d", count, inside, value);
    count = value = 0;
    handle(SIGUSR1, nest, 0);
    raise(SIGUSR1);
    SAY("defer: %d, masked %d, order %d", count, inside, value);
    handle(SIGUSR1, note, SA_RESETHAND);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &old);
    SAY("resethand: %d", old.sa_handler == SIG_DFL);
}

/* -- faults -- */

static char *page;

static void repair(int signo, siginfo_t *info, void *context) {
    note(signo, info, context);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void jump(int signo, siginfo_t *info, void *context) {
    note(signo, info, context);
    siglongjmp(back, 1);
}

static void skip(int signo, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    note(signo, info, context);
#if defined(__x86_64__)
    PC(uc) += 2;
#else
    PC(uc) += 4;
#endif
}

static void faults(void) {
    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    handle(SIGSEGV, repair, 0);
    *(volatile char *)(page + 5) = 1;
    SAY("write fault: %d %d %d", last == SIGSEGV, code == SEGV_ACCERR, (char *)address == page + 5);
    handle(SIGSEGV, jump, 0);
    if (!sigsetjmp(back, 1)) *(volatile int *)16 = 1;
    SAY("unmapped: %d %d", code == SEGV_MAPERR, address == (void *)16);
    munmap(page, 4096);
    if (!sigsetjmp(back, 1)) ((void (*)(void))page)();
    SAY("execute: %d %d", code == SEGV_MAPERR, address == page);
    handle(SIGILL, skip, 0);
#if defined(__x86_64__)
    __asm__ volatile("ud2");
#elif defined(__aarch64__)
    __asm__ volatile(".inst 0");
#else
    __asm__ volatile(".inst 0xe7f000f0");
#endif
    SAY("illegal: %d %d", last == SIGILL, address != NULL);
}

static char other_stack[65536];

static void on_stack(int signo, siginfo_t *info, void *context) {
    char here;
    stack_t state, change = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    ucontext_t *uc = context;
    sigaltstack(NULL, &state);
    inside = &here > other_stack && &here < other_stack + sizeof other_stack;
    value = state.ss_flags;
    code = ERR(sigaltstack(&change, NULL));
    address = uc->uc_stack.ss_sp;
    if (signo == SIGSEGV) siglongjmp(back, 1);
}

static int deep(volatile int n) {
    volatile char room[4096];
    room[n & 4095] = (char)n;
    return n == 0x7fffffff ? 0 : deep(n + 1) + room[0];
}

static void *overflow(void *argument) {
    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    sigaltstack(&stack, NULL);
    if (!sigsetjmp(back, 1)) deep(0);
    SAY("overflow: on it %d", inside);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    return NULL;
}

static void altstack(void) {
    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack}, old;
    sigaltstack(NULL, &old);
    SAY("none yet: %d", old.ss_flags == SS_DISABLE);
    SAY("too small: %d", ERR(sigaltstack(&(stack_t){.ss_sp = other_stack, .ss_size = 100}, NULL)));
    sigaltstack(&stack, NULL);
    handle(SIGUSR1, on_stack, SA_ONSTACK);
    raise(SIGUSR1);
    SAY("alternate: on it %d, flags %d, change %d, told %d", inside, value, code, address == other_stack);
    sigaltstack(NULL, &old);
    SAY("after: flags %d", old.ss_flags);
    handle(SIGUSR1, on_stack, 0);
    raise(SIGUSR1);
    SAY("not asked for: on it %d", inside);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    handle(SIGSEGV, on_stack, SA_ONSTACK);
    pthread_t thread;
    pthread_create(&thread, NULL, overflow, NULL);
    pthread_join(thread, NULL);
}

/* -- interrupted calls -- */

static pthread_t waiting;
static int ends[2];

static void *disturb(void *argument) {
    pause_ms(20);
    pthread_kill(waiting, SIGUSR1);
    pause_ms(20);
    if (argument) (void)!write(ends[1], "x", 1);
    return NULL;
}

static void interruption(void) {
    pthread_t thread;
    char byte;
    (void)!pipe(ends);
    waiting = pthread_self();
    for (int restart = 0; restart < 2; restart++) {
        handle(SIGUSR1, note, restart ? SA_RESTART : 0);
        pthread_create(&thread, NULL, disturb, ends);
        ssize_t n = read(ends[0], &byte, 1);
        SAY("read: %d %d", (int)n, n < 0 ? errno : 0);
        pthread_join(thread, NULL);
        if (n < 0) (void)!read(ends[0], &byte, 1);

        struct timespec time = {0, 500 * MS}, left = {0, 0};
        pthread_create(&thread, NULL, disturb, NULL);
        int error = ERR(nanosleep(&time, &left));
        SAY("nanosleep: %d, left %d", error, left.tv_nsec > 300 * MS && left.tv_nsec < 500 * MS);
        pthread_join(thread, NULL);

        int word = 0;
        pthread_create(&thread, NULL, disturb, NULL);
        time.tv_nsec = 80 * MS;
        SAY("futex with time: %d", ERR(syscall(SYS_futex, &word, 0, 0, &time, NULL, 0)));
        pthread_join(thread, NULL);
        pthread_create(&thread, NULL, disturb, NULL);
        if (!restart) SAY("futex without: %d", ERR(syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0)));
        pthread_join(thread, NULL);
        sigset_t wait = only(SIGHUP);
        pthread_create(&thread, NULL, disturb, NULL);
        SAY("sigwaitinfo: %d", ERR(sigwaitinfo(&wait, NULL)));
        pthread_join(thread, NULL);
    }
}

static void *takes_it(void *argument) {
    block(SIGUSR1, SIG_UNBLOCK);
    pause_ms(60);
    return (void *)(intptr_t)count;
}

static void threads(void) {
    pthread_t thread;
    void *seen;
    handle(SIGUSR1, note, 0);
    block(SIGUSR1, SIG_BLOCK);
    count = 0;
    pthread_create(&thread, NULL, takes_it, NULL);
    pause_ms(20);
    kill(getpid(), SIGUSR1);
    pthread_join(thread, &seen);
    SAY("a thread that does not block it: %d", (int)(intptr_t)seen);
    pthread_kill(pthread_self(), SIGUSR1);
    SAY("for this one only: %d", count);
    block(SIGUSR1, SIG_UNBLOCK);
    SAY("unblocked: %d", count);
}

/* -- timers -- */

static volatile double changed;

static void with_floats(int signo, siginfo_t *info, void *context) {
    count++;
    double x = 0;
    for (int i = 1; i < 50; i++) x += 1.0 / i * count;
    changed = x;
}

__attribute__((noinline)) static double series(volatile long n) {
    double sum = 0, step = 0.5;
    for (long i = 0; i < n; i++) sum += step / (double)(i + 1), step = 1.0 - step;
    return sum;
}

static void timers(void) {
    struct itimerval every = {{0, 2000}, {0, 1000}}, off = {{0, 0}, {0, 0}}, left;
    double alone = series(20000);
    int same = 1;
    handle(SIGALRM, with_floats, SA_RESTART);
    count = 0;
    setitimer(ITIMER_REAL, &every, NULL);
    getitimer(ITIMER_REAL, &left);
    while (count < 5) same &= series(20000) == alone;
    setitimer(ITIMER_REAL, &off, NULL);
    SAY("floats across handlers: %d, interval %d", same, (int)left.it_interval.tv_usec);
    handle(SIGPROF, with_floats, SA_RESTART);
    count = 0;
    setitimer(ITIMER_PROF, &every, NULL);
    for (int i = 0; i < 1000000 && count < 3; i++) changed = series(100);
    setitimer(ITIMER_PROF, &off, NULL);
    SAY("profiling: %d", count >= 3);
    handle(SIGALRM, note, 0);
    SAY("alarm: %u %u", alarm(100), alarm(0) > 98);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    event.sigev_value.sival_int = 1234;
    SAY("timer_create: %d %d", ERR(timer_create(CLOCK_MONOTONIC, &event, &timer)), ERR(timer_create(99, &event, &timer)));
    struct itimerspec once = {{0, 0}, {0, 5 * MS}}, rest;
    count = 0;
    timer_settime(timer, 0, &once, NULL);
    timer_gettime(timer, &rest);
    struct timespec long_time = {1, 0};
    SAY("timer: left %d, sleep %d, code %d, value %d", rest.it_value.tv_nsec > 0 && rest.it_value.tv_nsec <= 5 * MS,
        ERR(nanosleep(&long_time, NULL)), code, value);
    block(SIGALRM, SIG_BLOCK);
    once.it_interval.tv_nsec = once.it_value.tv_nsec = MS;
    timer_settime(timer, 0, &once, NULL);
    pause_ms(30);
    sigset_t wait = only(SIGALRM);
    siginfo_t info;
    sigwaitinfo(&wait, &info);
    SAY("overruns: %d", info.si_overrun >= 25);
    SAY("timer_delete: %d", ERR(timer_delete(timer)));
    while (sigtimedwait(&wait, NULL, &(struct timespec){0, 0}) > 0) {}
    block(SIGALRM, SIG_UNBLOCK);
    struct timespec past = {1, 0}, now, later, bad = {0, 1000000000};
    SAY("sleep until the past: %d, bad %d", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL),
        clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL));
    clock_gettime(CLOCK_MONOTONIC, &now);
    pause_ms(10);
    clock_gettime(CLOCK_MONOTONIC, &later);
    long ms = (later.tv_sec - now.tv_sec) * 1000 + (later.tv_nsec - now.tv_nsec) / MS;
    SAY("slept: %d, bad clock: %d", ms >= 10, ERR(clock_gettime(99, &now)));
}

/* -- futexes -- */

enum { WAIT = 128, WAKE = 129, REQUEUE = 131, CMP_REQUEUE = 132, WAKE_OP = 133, LOCK_PI = 134, UNLOCK_PI = 135,
       TRYLOCK_PI = 136, WAIT_BITSET = 137, WAKE_BITSET = 138 };
static int words[4];

static long futex(int *word, int op, int val, void *time, int *word2, int val3) {
    return syscall(SYS_futex, word, op, val, time, word2, val3);
}

static void *waits(void *word) {
    return (void *)(intptr_t)ERR(futex(word, WAIT, 0, NULL, NULL, 0));
}

static void *dies_with_lock(void *word) {
    futex(word, LOCK_PI, 0, NULL, NULL, 0);
    return NULL;
}

static void *locks(void *word) {
    intptr_t result = ERR(futex(word, LOCK_PI, 0, NULL, NULL, 0));
    futex(word, UNLOCK_PI, 0, NULL, NULL, 0);
    return (void *)result;
}

static void futexes(void) {
    pthread_t pool[4];
    struct timespec time = {0, 3 * MS};
    SAY("wait: %d %d %d", ERR(futex(words, WAIT, 1, NULL, NULL, 0)), ERR(futex(words, WAIT, 0, &time, NULL, 0)),
        ERR(futex((int *)((char *)words + 1), WAIT, 0, NULL, NULL, 0)));
    SAY("no memory: %d, no operation: %d", ERR(futex((int *)64, WAIT, 0, NULL, NULL, 0)), ERR(futex(words, 128 + 99, 0, NULL, NULL, 0)));
    SAY("no bits: %d", ERR(futex(words, WAIT_BITSET, 0, NULL, NULL, 0)));
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    SAY("until now: %d", ERR(futex(words, WAIT_BITSET | 256, 0, &now, NULL, -1)));
    for (int i = 0; i < 4; i++) pthread_create(&pool[i], NULL, waits, words);
    pause_ms(50);
    long woken = futex(words, WAKE, 1, NULL, NULL, 0);
    SAY("wake: %ld, compare %d", woken, ERR(futex(words, CMP_REQUEUE, 1, (void *)1, words + 1, 5)));
    SAY("requeue: %ld", futex(words, CMP_REQUEUE, 1, (void *)1, words + 1, 0));
    SAY("other: %ld, rest: %ld", futex(words + 1, WAKE, 100, NULL, NULL, 0), futex(words, WAKE, 100, NULL, NULL, 0));
    for (int i = 0; i < 4; i++) pthread_join(pool[i], NULL);
    words[2] = 3;
    int operation = 1 << 28 | 4 << 24 | 5 << 12 | 2; /* add 5, if it was > 2 */
    SAY("wake_op: %ld %d", futex(words, WAKE_OP, 1, (void *)1, words + 2, operation), words[2]);
    words[3] = 0;
    SAY("pi: %d %d", ERR(futex(words + 3, LOCK_PI, 0, NULL, NULL, 0)), words[3] == syscall(SYS_gettid));
    SAY("pi again: %d", ERR(futex(words + 3, LOCK_PI, 0, NULL, NULL, 0)));
    pthread_create(&pool[0], NULL, locks, words + 3);
    pause_ms(20);
    SAY("pi waiters: %d, unlock %d", (unsigned)words[3] >> 31, ERR(futex(words + 3, UNLOCK_PI, 0, NULL, NULL, 0)));
    void *result;
    pthread_join(pool[0], &result);
    SAY("pi handed over: %d, free %d, not mine: %d", (int)(intptr_t)result, words[3], ERR(futex(words + 3, UNLOCK_PI, 0, NULL, NULL, 0)));
    pthread_create(&pool[0], NULL, dies_with_lock, words + 3);
    pthread_join(pool[0], NULL);
    SAY("pi owner gone: %d", ERR(futex(words + 3, LOCK_PI, 0, NULL, NULL, 0)));
}

/* -- a robust list by hand -- */

static struct { void *next; long offset; void *pending; } head;
static struct { void *next; int lock; } entry;

static void *dies_robustly(void *argument) {
    head.next = &entry;
    head.offset = (char *)&entry.lock - (char *)&entry;
    entry.next = &head;
    entry.lock = (int)syscall(SYS_gettid);
    return (void *)(intptr_t)ERR(syscall(SYS_set_robust_list, &head, sizeof head));
}

static void robust(void) {
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, dies_robustly, NULL);
    pthread_join(thread, &result);
    pause_ms(20);
    SAY("robust: %d, lock %#x, bad size %d", (int)(intptr_t)result, entry.lock & 0xc0000000u,
        ERR(syscall(SYS_set_robust_list, &head, 5)));
}

/* -- memory -- */

static void memory(void) {
    char *at = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char present[4];
    at[0] = at[4096] = 7;
    SAY("madvise: %d %d %d", madvise(at, 4096, MADV_DONTNEED), at[0], at[4096]);
    SAY("madvise bad: %d %d", ERR(madvise(at + 1, 4096, MADV_DONTNEED)), ERR(madvise(at, 4096, 12345)));
    munmap(at + 8192, 4096);
    SAY("holes: mprotect %d, madvise %d, mincore %d, munmap %d", ERR(mprotect(at, 4 * 4096, PROT_READ | PROT_WRITE)),
        ERR(madvise(at, 4 * 4096, MADV_DONTNEED)), ERR(mincore(at, 4 * 4096, present)), ERR(munmap(at, 4 * 4096)));
    at = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    at[1] = 9;
    SAY("occupied: %d", ERR((long)mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 0x100000, -1, 0)));
    mmap(at + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    SAY("mremap in place: %d", ERR((long)mremap(at, 4096, 8192, 0)));
    char *moved = mremap(at, 4096, 3 * 4096, MREMAP_MAYMOVE);
    SAY("mremap: %d %d", moved != at, moved[1]);
    SAY("mremap bad: %d %d", ERR((long)mremap(moved + 1, 4096, 4096, 0)), ERR((long)mremap(moved, 4096, 0, 0)));
    SAY("mmap bad: %d %d %d", ERR((long)mmap(NULL, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
        ERR((long)mmap(NULL, 4096, 3, MAP_ANONYMOUS, -1, 0)), ERR((long)mmap(NULL, 4096, 3, MAP_PRIVATE, -1, 0)));
    SAY("munmap bad: %d %d", ERR(munmap(moved + 1, 4096)), ERR(munmap(moved, 0)));
    SAY("msync: %d %d", ERR(msync(moved, 4096, MS_SYNC)), ERR(mlock((void *)4096, 4096)));
}

static void limits(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = 10;
    limit.rlim_max = 5;
    SAY("limits: %d %d", ERR(setrlimit(RLIMIT_CORE, &limit)), ERR(getrlimit(99, &limit)));
    cpu_set_t *cpus = calloc(1, 1024);
    SAY("affinity: %d %d", syscall(SYS_sched_getaffinity, 0, 1024, cpus) > 0, ERR(syscall(SYS_sched_getaffinity, 0, 3, cpus)));
    SAY("tgkill: %d %d", ERR(syscall(SYS_tgkill, getpid(), 0x3ffffff, 1)), ERR(syscall(SYS_tgkill, 0, getpid(), 1)));
    SAY("timers: %d %d", ERR(syscall(SYS_timer_delete, 4711)), ERR(syscall(SYS_setitimer, 3, NULL, NULL)));
    free(cpus);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    origins();
    queueing();
    flags();
    faults();
    altstack();
    interruption();
    threads();
    timers();
    futexes();
    robust();
    memory();
    limits();
    return 0;
}
