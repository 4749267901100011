// Thread-local blocks are aligned as they ask, in every thread: linked, opened, the program's own.
#include "behaviour.h"
//= also armv5-gnueabi
//= liblinked.so
__thread __attribute__((aligned(256))) int wide = 1;
__thread char odd = 'o';
int linked(void) { return (int)((uintptr_t)&wide % 256) + wide + (odd == 'o'); }
//= libopened.so
__thread __attribute__((aligned(4096))) int page = 1;
int opened(void) { return (int)((uintptr_t)&page % 4096) + page; }
//= main needs=liblinked.so
static __thread __attribute__((aligned(1024))) char own[8] = "own";
int linked(void);
static int (*opened)(void);
static void *use(void *p) { SAY("%d %d %d %s\n", linked(), opened(), (int)((uintptr_t)own % 1024), own); return p; }
int main(void) {
    opened = dlsym(must_open("./libopened.so", RTLD_NOW), "opened");
    use(0);
    in_thread(use, 0);
    in_thread(use, 0);
}
