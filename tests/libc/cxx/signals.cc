// Unwinding out of a signal handler, where the tables tell the way through the signal's frame.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
#include <unwind.h>

static _Unwind_Reason_Code step(_Unwind_Context *, void *data) { return ++*(int *)data > 64 ? _URC_END_OF_STACK : _URC_NO_REASON; }
static void handler(int) {
    int frames = 0;
    _Unwind_Backtrace(step, &frames);
    printf("frames %d\n", frames > 3 && frames < 64);
}
struct Guard { ~Guard() { puts("~Guard"); } };
static void thrower(int number) { throw number; }
__attribute__((noinline)) static int fault(volatile int *place) { Guard guard; return *place; }

int main() {
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    struct sigaction action = {};
    action.sa_handler = thrower;
    action.sa_flags = SA_NODEFER;
    sigaction(SIGSEGV, &action, nullptr);
    for (int i = 0; i < 2; i++)
        try { fault(nullptr); } catch (int number) { printf("caught %d\n", number); }
    return 0;
}
