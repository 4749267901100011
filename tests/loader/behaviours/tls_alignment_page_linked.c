// A whole page's alignment in a linked library.
#include "behaviour.h"
//= libx.so -ftls-model=initial-exec
__thread __attribute__((aligned(4096))) int page = 1;
__thread int beside[3] = {1, 2, 3};
int x(void) { return (int)((uintptr_t)&page % 4096) + page++ + beside[2]; }
//= main needs=libx.so
int x(void);
static void *use(void *p) { SAY("%d %d\n", x(), x()); return p; }
int main(void) { use(0); in_thread(use, 0); in_thread(use, 0); }
