// They run when pthread_exit ends a thread, after its cleanup handlers.
#include "behaviour.h"
//= main
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
static int handle;
static void say(void *text) { SAY("%s\n", (char *)text); }
static void *use(void *p) {
    __cxa_thread_atexit_impl(say, "destructor", &handle);
    pthread_cleanup_push(say, "cleanup");
    pthread_exit(0);
    pthread_cleanup_pop(0);
    return p;
}
int main(void) { in_thread(use, 0); SAY("joined\n"); }
