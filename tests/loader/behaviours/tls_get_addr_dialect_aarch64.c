// AArch64's traditional dialect: module and offset, and a call of __tls_get_addr.
#include "behaviour.h"
//= targets arm64-gnu
//= libx.so cc=gcc -mtls-dialect=trad
__thread int large[5000] = {[4999] = 9};
static __thread int own = 2;
int next(void) { return large[4999] += own++; }
//= main
static int (*next)(void);
static void *use(void *p) { SAY("%d %d\n", next(), next()); return p; }
int main(void) { next = dlsym(must_open("./libx.so", RTLD_NOW), "next"); use(0); in_thread(use, 0); use(0); }
