// The same where descriptors are what compilers use anyway.
#include "behaviour.h"
//= targets arm64-gnu
//= libsmall.so
__thread int small = 3;
int *next(void) { small++; return &small; }
//= liblarge.so
__thread int large[5000] = {[4999] = 9};
static __thread int own = 2;
int *next(void) { large[4999] += own++; return &large[4999]; }
//= main
static int *(*small)(void), *(*large)(void);
static void *use(void *p) { SAY("%d %d %d %d\n", *small(), *large(), *large(), *small()); return p; }
int main(void) {
    small = dlsym(must_open("./libsmall.so", RTLD_NOW), "next");
    large = dlsym(must_open("./liblarge.so", RTLD_NOW), "next");
    use(0);
    in_thread(use, 0);
    use(0);
}
