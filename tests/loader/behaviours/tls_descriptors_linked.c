// TLS descriptors of a linked library are answered from static TLS.
#include "behaviour.h"
//= targets amd64-gnu armv7-gnueabihf
//= libx.so cc=gcc -mtls-dialect=gnu2
__thread int shared = 3;
static __thread int own[100] = {4};
int *next(void) { own[0]++; shared++; return &shared; }
int mine(void) { return own[0] + own[99]++; }
//= main needs=libx.so
extern __thread int shared;
int *next(void);
int mine(void);
static void *use(void *p) { SAY("%d %d %d\n", next() == &shared, shared, mine()); return p; }
int main(void) { use(0); in_thread(use, 0); use(0); use(0); }
