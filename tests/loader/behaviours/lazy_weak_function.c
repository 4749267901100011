// A weak function that nobody defines: its address is 0, and its first call jumps there.
#include "behaviour.h"
//= libx.so -Wl,-z,lazy
__attribute__((weak)) int gone(void);
int there(void) { return gone != 0; }
int x(void) { return gone(); }
//= main
static sigjmp_buf back;
static void *where;
static void fault(int s, siginfo_t *info, void *c) { where = info->si_addr; siglongjmp(back, 1); }
int main(void) {
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    void *x = must_open("./libx.so", RTLD_LAZY);
    SAY("%d\n", call(x, "there"));
    if (!sigsetjmp(back, 1)) SAY("%d\n", call(x, "x"));
    else SAY("fault at %p\n", where);
}
