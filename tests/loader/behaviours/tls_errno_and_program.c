// The C library's own thread-local data (errno) lies beside the libraries'.
#include "behaviour.h"
//= libx.so
__thread int value = 3;
int fail(void) { value++; return close(-1) + value + errno; }
//= main needs=libx.so
extern __thread int value;
int fail(void);
static void *use(void *p) { errno = 0; SAY("%d %d\n", fail(), errno == EBADF); return p; }
int main(void) { use(0); in_thread(use, 0); SAY("%d\n", errno == EBADF); }
