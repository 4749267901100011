// Thread-local destructors run last registered first, before those of pthread keys, and may register more.
#include "behaviour.h"
//= also armv5-gnueabi
//= main
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle __attribute__((weak));
static pthread_key_t key;
static void say(void *text) { SAY("%s\n", (char *)text); }
static void more(void *text) {
    SAY("%s\n", (char *)text);
    __cxa_thread_atexit_impl(say, "registered by a destructor", &key);
}
static void *use(void *p) {
    pthread_setspecific(key, "key");
    __cxa_thread_atexit_impl(say, "first", &key);
    __cxa_thread_atexit_impl(more, "second", &key);
    __cxa_thread_atexit_impl(say, "third", &key);
    SAY("thread ends\n");
    return p;
}
static void at_exit(void) { SAY("atexit\n"); }
int main(void) {
    pthread_key_create(&key, say);
    in_thread(use, 0);
    atexit(at_exit);
    use(0);
    SAY("main ends\n");
}
