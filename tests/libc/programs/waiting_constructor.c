/* A library whose constructor starts a thread and waits for it; FIRST is what that thread does first. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int each(struct dl_phdr_info *info, size_t size, void *data) { return 0; }
static __thread int local = 3;
static void nothing(void) { }

static void first_dlopen(void) { dlopen(0, RTLD_NOW); }
static void first_dlsym(void) { dlsym(RTLD_DEFAULT, "malloc"); }
static void first_dladdr(void) {
    Dl_info info;
    dladdr((void *)nothing, &info);
}
static void first_iterate(void) { dl_iterate_phdr(each, 0); }
static void first_tls(void) { local++; }
static void first_malloc(void) { free(malloc(100)); }
static void first_atexit(void) { atexit(nothing); }
static void first_nothing(void) { }
static void first_itself(void) {
    Dl_info info;
    if (dladdr((void *)nothing, &info)) dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
}
static void first_exit(void) { exit(3); }

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
static void nothing_of(void *unused) { }
static void *handle;
extern void further(void);
static void first_exit_thread(void) { pthread_exit(0); }
static void first_cancel(void) { pthread_cancel(pthread_self()); }
static void first_thread_destructor(void) { __cxa_thread_atexit_impl(nothing_of, 0, &handle); }
static void first_backtrace(void) {
    void *frames[4];
    backtrace(frames, 4);
}
static void first_dlinfo(void) {
    void *map;
    dlinfo(handle, RTLD_DI_LINKMAP, &map);
}

static void *thread(void *unused) {
    FIRST();
    return 0;
}
static __attribute__((constructor)) void wait_for_it(void) {
    pthread_t t;
    handle = dlopen(0, RTLD_NOW);
    pthread_create(&t, 0, thread, 0);
    pthread_join(t, 0);
}
#ifdef LEAVE
static __attribute__((destructor)) void leave(void) { }
#endif
int loaded(void) { return 42; }
