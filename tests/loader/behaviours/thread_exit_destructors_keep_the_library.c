// A library with a destructor still to run in some thread stays when it is closed, until the next close after that.
#include "behaviour.h"
//= libx.so
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
static int handle;
static void say(void *text) { SAY("thread-local destructor\n"); }
__attribute__((destructor)) static void end(void) { SAY("library destructor\n"); }
int reg(void) { return __cxa_thread_atexit_impl(say, 0, &handle); }
//= liby.so
int y(void) { return 1; }
//= main
static pthread_barrier_t barrier;
static void *use(void *x) {
    SAY("registered %d\n", call(x, "reg"));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    SAY("thread ends\n");
    return 0;
}
static int loaded(void) { void *x = dlopen("./libx.so", RTLD_NOW | RTLD_NOLOAD); if (x) dlclose(x); return x != 0; }
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW), *y = must_open("./liby.so", RTLD_NOW);
    pthread_t thread;
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&thread, 0, use, x);
    pthread_barrier_wait(&barrier);
    SAY("close %d\n", dlclose(x));
    pthread_barrier_wait(&barrier);
    pthread_join(thread, 0);
    SAY("joined\n");
    SAY("close another %d\n", dlclose(y));
    SAY("still there: %d\n", loaded());
}
