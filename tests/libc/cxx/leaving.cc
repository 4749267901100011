// Threads that end by pthread_exit or cancellation: the unwinder runs the destructors of their frames.
#include <cstdio>
#include <pthread.h>
#include <unistd.h>
#include <cxxabi.h>

struct Guard { const char *name; ~Guard() { printf("~%s\n", name); fflush(stdout); } };
__attribute__((noinline)) static void leave() { Guard guard{"inner"}; pthread_exit((void *)5); }
static void *leaves(void *) {
    Guard guard{"outer"};
    try { leave(); } catch (abi::__forced_unwind &) { puts("passing"); throw; } catch (...) { puts("never"); throw; }
    return nullptr;
}
static void cleanup(void *) { puts("cleanup"); }
static void *waits(void *) {
    Guard guard{"waiting"};
    pthread_cleanup_push(cleanup, nullptr);
    for (;;) sleep(1);
    pthread_cleanup_pop(0);
    return nullptr;
}
int main() {
    setvbuf(stdout, nullptr, _IONBF, 0);
    pthread_t thread;
    void *result;
    pthread_create(&thread, nullptr, leaves, nullptr);
    pthread_join(thread, &result);
    printf("result %ld\n", (long)result);
    pthread_create(&thread, nullptr, waits, nullptr);
    usleep(1000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    printf("cancelled %d\n", result == PTHREAD_CANCELED);
}
