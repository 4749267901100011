/*
 * What C programs commonly use of pthreads and stdio beside each other. Prints one line per part; all of it is the
 * same in each run.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 500 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_barrier_t barrier;
static pthread_key_t key;
static sem_t semaphore;
static int counter, once_runs, destroyed, turn, serial;
static _Thread_local int own;

static void run_once(void) { once_runs++; }
static void destroy(void *value) { destroyed += (int)(long)value; }

static void *worker(void *argument) {
    int number = (int)(long)argument;
    pthread_once(&once, run_once);
    pthread_setspecific(key, (void *)(long)(number + 1));
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
        own++;
        pthread_rwlock_rdlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
    }
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&lock);
    while (turn != number) pthread_cond_wait(&changed, &lock);
    printf("thread %d: own %d specific %ld\n", number, own, (long)pthread_getspecific(key));
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    sem_post(&semaphore);
    return (void *)(long)(number * number);
}

static void *cancelled_by_exit(void *unused) {
    (void)unused;
    pthread_exit((void *)77L);
}

static void mutex_kinds(void) {
    pthread_mutexattr_t attributes;
    pthread_mutex_t recursive, checking;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checking, &attributes);
    int first = pthread_mutex_lock(&recursive), second = pthread_mutex_lock(&recursive);
    int third = pthread_mutex_lock(&checking), fourth = pthread_mutex_lock(&checking);
    printf("mutex kinds: %d %d %d %s %s\n", first, second, third, fourth == EDEADLK ? "EDEADLK" : "?",
           pthread_mutex_trylock(&checking) == EBUSY ? "EBUSY" : "?");
}

static void timeout(void) {
    struct timespec until;
    pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 5000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&own_lock);
    int answer = pthread_cond_timedwait(&never, &own_lock, &until);
    printf("timed wait: %s\n", answer == ETIMEDOUT ? "ETIMEDOUT" : strerror(answer));
}

static volatile sig_atomic_t seen;
static void handler(int signo) { seen = signo; }
static jmp_buf back;
static void jump(int signo) { longjmp(back, signo); }

static void signals(void) {
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    printf("signal: %s\n", seen == SIGUSR1 ? "SIGUSR1" : "none");
    signal(SIGUSR2, jump);
    if (setjmp(back) == 0) raise(SIGUSR2);
    printf("long jump: back\n");
}

static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void formats(void) {
    int numbers[] = {5, -3, 99, 0, 42}, position = 0;
    char buffer[40];
    qsort(numbers, 5, sizeof *numbers, by_value);
    for (int i = 0; i < 5; i++) printf("%d ", numbers[i]);
    printf("\n%5d|%-5d|%05d|%+d|%x|%#X|%o|%c|%.3s|%%|%n\n", 42, 42, 42, 42, 255, 255, 8, 'c', "string", &position);
    printf("%d characters, %zu %lld %hhd %p\n", position, sizeof buffer, -1LL, (signed char)300, (void *)0x1234);
    printf("%f %.2e %g %a %10.4f|%-10.1f|\n", 3.14159, 12345.678, 1e-5, 1.0, sqrt(2), -0.05);
    int length = snprintf(buffer, 10, "%s", "longer than ten");
    printf("%d %s\n", length, buffer);
    int a, b;
    char word[20];
    int got = sscanf("12 words 0x1f", "%d %19s %i", &a, word, &b);
    printf("%d: %d %s %d\n", got, a, word, b);
    FILE *file = tmpfile();
    if (file != NULL) {
        fprintf(file, "one\ntwo\n");
        rewind(file);
        while (fgets(buffer, sizeof buffer, file)) printf("read %s", buffer);
        printf("at %ld\n", ftell(file));
        fclose(file);
    }
}

static void at_end(void) { puts("at exit"); }

int main(void) {
    pthread_t threads[THREADS];
    long sum = 0;
    void *result;
    atexit(at_end);
    pthread_key_create(&key, destroy);
    pthread_barrier_init(&barrier, NULL, THREADS);
    sem_init(&semaphore, 0, 0);
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, worker, (void *)i) != 0) return 1;
    for (int i = 0; i < THREADS; i++) sem_wait(&semaphore);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    printf("counter %d, once %d, serial %d, sum %ld, destroyed %d\n", counter, once_runs, serial, sum, destroyed);
    pthread_create(&threads[0], NULL, cancelled_by_exit, NULL);
    pthread_join(threads[0], &result);
    printf("pthread_exit: %ld\n", (long)result);
    mutex_kinds();
    timeout();
    signals();
    formats();
    return 0;
}
