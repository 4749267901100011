#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "_cgo_export.h"
#include "behaviour.h"

int invoke(callback function, int number, void *context) { return function(number, context); }

int into_go(int depth) { return there_and_back(depth); }

int fail_with(int number) {
    errno = number;
    return -1;
}

int current_errno(void) { return errno; }

int thread_id(void) { return (int)syscall(SYS_gettid); }

int read_at(const int *address) { return *(volatile const int *)address; }

void end_by_abort(void) { abort(); }

static void *count_in_go(void *unused) {
    (void)unused;
    count_up();
    return NULL;
}

void call_from_threads(int count) {
    pthread_t threads[count];
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, count_in_go, NULL) != 0) abort();
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

long long sum_of(const int *values, int count) {
    long long sum = 0;
    for (int i = 0; i < count; i++) sum += values[i];
    return sum;
}
