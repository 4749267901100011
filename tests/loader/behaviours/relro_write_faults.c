// Relocated constants are read-only once a library is relocated; what lies behind them is not.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so -Wl,-z,relro -Wl,-z,now
static int a = 1;
int *const constant[2] = {&a, &a};
int *variable[2] = {&a, &a};
//= main
static sigjmp_buf back;
static void *where;
static void fault(int s, siginfo_t *info, void *c) { where = info->si_addr; siglongjmp(back, info->si_code); }
static void try(const char *name, void *x) {
    int **place = dlsym(x, name);
    int code = sigsetjmp(back, 1);
    if (!code) {
        *place = 0;
        SAY("%s: written\n", name);
    } else
        SAY("%s: fault, code %d, %d\n", name, code, where == (void *)place);
}
int main(void) {
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    void *x = must_open("./libx.so", RTLD_NOW);
    try("constant", x);
    try("variable", x);
}
