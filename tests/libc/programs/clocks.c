/* time.h: clocks, sleeping, timers, calendar and text. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

/* Arguments are evaluated in no fixed order: errno is looked at in here, after the call. */
static int fails(long result, int error) { return result == -1 && errno == error; }

static double now(clockid_t c) {
    struct timespec t;
    clock_gettime(c, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static volatile sig_atomic_t fired;
static void fire(int s) { fired++; }
static volatile int notified;
static void notify(union sigval v) { notified += v.sival_int; }

static void sleeping(void) {
    double t = now(CLOCK_MONOTONIC);
    struct timespec half = {0, 20000000}, bad = {0, 1000000000};
    nanosleep(&half, 0);
    SAY("nanosleep: %d", now(CLOCK_MONOTONIC) - t >= 0.02);
    SAY(" bad %d", fails(nanosleep(&bad, 0), EINVAL));
    t = now(CLOCK_MONOTONIC);
    usleep(20000);
    SAY(" usleep %d\n", now(CLOCK_MONOTONIC) - t >= 0.02);
    struct timespec limit;
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_nsec += 10000000;
    if (limit.tv_nsec >= 1000000000) limit.tv_sec++, limit.tv_nsec -= 1000000000;
    int r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &limit, 0);
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &after);
    SAY("until: %d %d\n", r, after.tv_sec > limit.tv_sec || (after.tv_sec == limit.tv_sec && after.tv_nsec >= limit.tv_nsec));
    struct timespec resolution;
    SAY("getres: %d", clock_getres(CLOCK_MONOTONIC, &resolution));
    SAY(" %d", (int)resolution.tv_sec);
    SAY(" bad clock %d\n", fails(clock_gettime(9999, &resolution), EINVAL));
    struct timeval day;
    gettimeofday(&day, 0);
    time_t seconds, same = time(&seconds);
    SAY("time: %d %d clock %d\n", same == seconds, seconds - day.tv_sec <= 1, clock() >= 0);
    SAY("sleep: %u\n", sleep(1));
    struct rusage usage;
    SAY("getrusage: %d", getrusage(RUSAGE_SELF, &usage));
    SAY(" %d\n", usage.ru_utime.tv_usec < 1000000);
}

static void timers(void) {
    signal(SIGALRM, fire);
    struct itimerval every = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}}, old;
    setitimer(ITIMER_REAL, &every, 0);
    while (fired < 3) pause();
    setitimer(ITIMER_REAL, &off, &old);
    SAY("setitimer: %d, was every %d\n", fired >= 3, (int)old.it_interval.tv_usec);
    timer_t t;
    struct sigevent e;
    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_SIGNAL;
    e.sigev_signo = SIGALRM;
    fired = 0;
    struct itimerspec s = {{0, 1000000}, {0, 1000000}}, left;
    SAY("timer_create: %d", timer_create(CLOCK_MONOTONIC, &e, &t));
    SAY(" settime %d", timer_settime(t, 0, &s, 0));
    while (fired < 3) pause();
    timer_gettime(t, &left);
    SAY(" every %ld", (long)left.it_interval.tv_nsec);
    SAY(", delete %d\n", timer_delete(t));
    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_notify_function = notify;
    e.sigev_value.sival_int = 5;
    struct itimerspec once = {{0, 0}, {0, 1000000}};
    SAY("by thread: %d", timer_create(CLOCK_REALTIME, &e, &t));
    timer_settime(t, 0, &once, 0);
    while (!notified) usleep(1000);
    SAY(" %d", notified);
    SAY(" %d\n", timer_delete(t));
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    unsigned long long count = 0;
    timerfd_settime(fd, 0, &once, 0);
    SAY("timerfd: %d", (int)read(fd, &count, 8));
    SAY(" %llu\n", count);
}

static void show(const struct tm *t) {
    SAY("%d-%d-%d %d:%d:%d wday %d yday %d dst %d\n", t->tm_year + 1900, t->tm_mon + 1, t->tm_mday, t->tm_hour, t->tm_min, t->tm_sec, t->tm_wday, t->tm_yday, t->tm_isdst);
}

static void calendar(void) {
    static const int moments[] = {0, -1, 951782400, 951868800, 1709164800, 1709251199, 1735689599, 1735689600, 2147483647, -2147483647 - 1, 1583020799, 1e9, 1609459200, 1230768000, 1199145600};
    static const char formats[] = "%a|%A|%b|%B|%c|%C|%d|%D|%e|%F|%g|%G|%h|%H|%I|%j|%k|%l|%m|%M|%n|%p|%P|%r|%R|%s|%S|%t|%T|%u|%U|%V|%w|%W|%x|%X|%y|%Y|%z|%%";
    for (unsigned i = 0; i < sizeof moments / sizeof *moments; i++) {
        time_t t = moments[i];
        struct tm tm, local, back;
        char text[600];
        gmtime_r(&t, &tm);
        localtime_r(&t, &local);
        show(&tm);
        SAY("%zu ", strftime(text, sizeof text, formats, &tm));
        SAY("%s\n", text);
        back = tm;
        SAY("%d %d %s", timegm(&back) == t, mktime(&local) == t, asctime(&tm));
        SAY("%s", ctime(&t));
    }
    struct tm odd = {.tm_year = 120, .tm_mon = 14, .tm_mday = -5, .tm_hour = 50, .tm_min = -70, .tm_sec = 3700, .tm_isdst = 0};
    time_t t = mktime(&odd);
    SAY("normalised: %ld ", (long)t);
    show(&odd);
    char text[64], small[5];
    SAY("too small: %zu\n", strftime(small, sizeof small, "%Y-%m", &odd));
    strftime(text, sizeof text, "%_d|%-d|%05d|%^a|%10Y|%_5H|%Ey|%Od|%Z", &odd);
    SAY("flags: %s\n", text);
    SAY("difftime: %.1f\n", difftime(10, 7));
    struct tm parsed;
    memset(&parsed, 0, sizeof parsed);
    char *end = strptime("2021-03-04 05:06:07 PM rest", "%Y-%m-%d %I:%M:%S %p", &parsed);
    SAY("strptime: %s", end ? end : "(null)");
    SAY(" %d-%d-%d %d:%d:%d\n", parsed.tm_year, parsed.tm_mon, parsed.tm_mday, parsed.tm_hour, parsed.tm_min, parsed.tm_sec);
    memset(&parsed, 0, sizeof parsed);
    end = strptime("Tue Feb  9 2021", "%a %b %d %Y", &parsed);
    SAY("words: %d %d %d %d\n", end && !*end, parsed.tm_wday, parsed.tm_mon, parsed.tm_mday);
    SAY("refused: %d\n", strptime("13/40", "%m/%d", &parsed) == 0);
}

int main(void) {
    sleeping();
    timers();
    calendar();
    return 0;
}
