/* Makes a thread behind the C library's back, with a thread pointer that no TLS area was filled for. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <time.h>

static long stack[4096] __attribute__((aligned(64)));
static long area[1024] __attribute__((aligned(64)));
static volatile int done;

static int work(void *unused) { return done = 1; }

int own_thread(void) {
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS;
    area[512] = (long)&area[512]; /* on amd64 the word at the thread pointer holds its own address */
    if (clone(work, stack + 4096, flags, NULL, NULL, &area[512], NULL) < 0) return -1;
    while (!done) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    return done;
}
