/* Start and end of a program: constructors, arguments, environment, auxiliary vector, exit handlers. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

extern char **environ;
static int order;
static __thread int tls_zero, tls_one = 1;
static __thread struct { char text[64]; double number; } tls_struct = {"thread-local", 2.5};

static __attribute__((constructor(101))) void first(int argc, char **argv, char **envp) { order = order * 10 + 1; }
static __attribute__((constructor)) void second(int argc, char **argv, char **envp) {
    order = order * 10 + 2;
    tls_zero = 5;
}
static __attribute__((destructor(101))) void very_last(void) { SAY("destructor 101\n"); }
static __attribute__((destructor)) void last(void) { SAY("destructor\n"); }

static void third(void) { SAY("atexit 3\n"); }
static void registers_more(void) {
    SAY("atexit 2 registers one\n");
    atexit(third);
}
static void one(void) { SAY("atexit 1\n"); }
static void *in_thread(void *unused) {
    SAY("thread: %d %d %s %.1f\n", tls_zero, tls_one, tls_struct.text, tls_struct.number);
    return 0;
}

int main(int argc, char **argv, char **envp) {
    SAY("constructors: %d, in order before main; tls %d %d %s %.1f\n", order, tls_zero, tls_one, tls_struct.text, tls_struct.number);
    SAY("argc %d:", argc);
    for (int i = 1; i < argc; i++) SAY(" %s", argv[i]);
    SAY(", end %d\n", argv[argc] == 0);
    SAY("environ: %d, FOO=%s\n", environ == envp, getenv("FOO") ? getenv("FOO") : "(none)");
    SAY("auxv: page %lu, random %d, none %lu, entry %d\n", getauxval(AT_PAGESZ), getauxval(AT_RANDOM) != 0, getauxval(9999), getauxval(AT_ENTRY) != 0);
    const char *name = strrchr(argv[0], '/');
    SAY("name: %d %d\n", strcmp(program_invocation_name, argv[0]), strcmp(program_invocation_short_name, name ? name + 1 : argv[0]));
    pthread_t t;
    tls_one = 7;
    pthread_create(&t, 0, in_thread, 0);
    pthread_join(t, 0);
    atexit(one);
    atexit(registers_more);
    printf("flushed by exit\n");
    exit(3);
}
