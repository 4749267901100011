/* A library whose constructor starts a thread and waits for it; FIRST is what that thread does first. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
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

static void *thread(void *unused) {
    FIRST();
    return 0;
}
static __attribute__((constructor)) void wait_for_it(void) {
    pthread_t t;
    pthread_create(&t, 0, thread, 0);
    pthread_join(t, 0);
}
#ifdef LEAVE
static __attribute__((destructor)) void leave(void) { }
#endif
int loaded(void) { return 42; }
