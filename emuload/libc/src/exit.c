/* The end of the process: exit and what was registered for it, abort, fork handlers. */
#include <asm/unistd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include "thread.h"
#include "signal_internal.h"

enum kind { FREE, AT_EXIT, ON_EXIT, CXA, SHUTDOWN };
struct handler { enum kind kind; void *fn, *argument, *dso; };
struct block { struct block *next; size_t used; struct handler handlers[32]; };

static struct block first, *last = &first, first_quick, *last_quick = &first_quick;
static int lock;
static int exiting;        /* tid of the thread inside exit */
static int shut_down;

static int add(struct block **list, struct handler h) {
    em_lock(&lock);
    struct block *b = *list;
    if (b->used == sizeof b->handlers / sizeof *b->handlers) {
        struct block *more = em_calloc(1, sizeof *more);
        if (!more) {
            em_unlock(&lock);
            return -1;
        }
        more->next = b;
        *list = b = more;
    }
    b->handlers[b->used++] = h;
    em_unlock(&lock);
    return 0;
}

static void shut(void) {
    if (shut_down) return;
    shut_down = 1;
    if (em_process.flags & EM_LOCK_EXIT) em_lock_loader();
    long op = EM_DL_SHUTDOWN();
    if (em_process.flags & EM_LOCK_EXIT) em_unlock_loader();
    em_run_operation(op, 0);
}

/* The linker's destructors are a handler of exit among the others, or come after all of them, as the profile says. */
HIDDEN void em_register_shutdown(void) { add(&last, (struct handler){SHUTDOWN, 0, 0, 0}); }

static void call(const struct handler *h, int status) {
    if (h->kind == SHUTDOWN) return shut();
    EM_EVENT(EM_ATEXIT, h->fn, 0, 0, 0);
    if (h->kind == AT_EXIT) ((void (*)(void))h->fn)();
    else if (h->kind == ON_EXIT) ((void (*)(int, void *))h->fn)(status, h->argument);
    else ((void (*)(void *, int))h->fn)(h->argument, status);
}

/* Runs the handlers, last registered first; one may register more. With `dso` only the __cxa_atexit ones of that object. */
static void run(struct block **list, void *dso, int status) {
    em_lock(&lock);
again:
    for (struct block *b = *list; b; b = b->next)
        for (size_t i = b->used; i-- > 0;) {
            struct handler h = b->handlers[i];
            if (h.kind == FREE || (dso && (h.kind != CXA || h.dso != dso))) continue;
            b->handlers[i].kind = FREE;
            if (!dso) b->used = i;
            em_unlock(&lock);
            call(&h, status);
            em_lock(&lock);
            goto again;
        }
    em_unlock(&lock);
}

EXPORT int __cxa_atexit(void (*fn)(void *), void *argument, void *dso) {
    return add(&last, (struct handler){CXA, (void *)fn, argument, dso});
}
EXPORT int __aeabi_atexit(void *argument, void (*fn)(void *), void *dso) { return __cxa_atexit(fn, argument, dso); }
EXPORT void __cxa_finalize(void *dso) { run(&last, dso, 0); }
EXPORT int em_atexit(void (*fn)(void)) __asm__("atexit");
EXPORT int em_atexit(void (*fn)(void)) { return add(&last, (struct handler){AT_EXIT, (void *)fn, 0, 0}); }
EXPORT int on_exit(void (*fn)(int, void *), void *argument) { return add(&last, (struct handler){ON_EXIT, (void *)fn, argument, 0}); }
EXPORT int at_quick_exit(void (*fn)(void)) { return add(&last_quick, (struct handler){AT_EXIT, (void *)fn, 0, 0}); }
EXPORT int __cxa_at_quick_exit(void (*fn)(void *), void *dso) { return add(&last_quick, (struct handler){AT_EXIT, (void *)fn, 0, dso}); }

EXPORT NORETURN void _exit(int status);
EXPORT void _exit(int status) {
    for (;;) em_syscall(__NR_exit_group, status);
}
ASM_ALIAS(_Exit, _exit);

HIDDEN void em_finish(void) { }

HIDDEN NORETURN void em_exit(int status) {
    int tid = em_self()->tid, nobody = 0;
    if (!__atomic_compare_exchange_n(&exiting, &nobody, tid, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) && nobody != tid)
        for (;;) em_futex_wait(&exiting, nobody, 0, 0);   /* another thread's exit ends this one (glibc 2.41) */
    em_run_tls_dtors(em_self());
    run(&last, 0, status);
    if (em_process.flags & EM_SHUTDOWN_LAST) shut();
    em_stdio_exit();
    _exit(status);
}
EXPORT void exit(int status) { em_exit(status); }
EXPORT void quick_exit(int status) {
    run(&last_quick, 0, status);
    _exit(status);
}

EXPORT void abort(void) {
    EM_EVENT(EM_ABORT, 0, 0, 0, 0);
    uint64_t bit = 1ULL << (SIGABRT - 1);
    em_syscall(__NR_rt_sigprocmask, SIG_UNBLOCK, &bit, 0, sizeof bit);
    raise(SIGABRT);
    /* The handler returned, or it was ignored: the default action then (POSIX, abort). */
    struct em_sigaction action = {0};
    em_sigaction(SIGABRT, &action, 0);
    raise(SIGABRT);
    for (;;) _exit(127);
}

HIDDEN NORETURN void em_fatal(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    em_syscall(__NR_write, 2, text, length);
    abort();
}

EXPORT NORETURN void __stack_chk_fail(void) { em_fatal("*** stack smashing detected ***: terminated\n"); }
EXPORT NORETURN void __fortify_fail(const char *what) { em_fatal(what); }

/* -- fork ------------------------------------------------------------------------------------------- */

struct fork_handler { void (*prepare)(void), (*parent)(void), (*child)(void); void *dso; struct fork_handler *older, *newer; };
static struct fork_handler *newest, *oldest;

EXPORT int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso) {
    struct fork_handler *h = em_malloc(sizeof *h);
    if (!h) return ENOMEM;
    em_lock(&lock);
    *h = (struct fork_handler){prepare, parent, child, dso, newest, 0};
    if (newest) newest->newer = h;
    else oldest = h;
    newest = h;
    em_unlock(&lock);
    return 0;
}
EXPORT int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
    return __register_atfork(prepare, parent, child, 0);
}

EXPORT pid_t fork(void) {
    for (struct fork_handler *h = newest; h; h = h->older)
        if (h->prepare) h->prepare();
    struct thread *self = em_self();
#ifdef __NR_fork
    long r = em_syscall(__NR_fork);
#else
    long r = em_syscall(__NR_clone, SIGCHLD, 0, 0, 0, 0);
#endif
    if (r == 0) {
        self->tid = (int)em_syscall(__NR_gettid);
        em_threads = self;
        self->next = self->prev = 0;
        em_thread_count = 1;
        em_threads_lock = 0;
    }
    for (struct fork_handler *h = oldest; h; h = h->newer) {
        void (*fn)(void) = r == 0 ? h->child : h->parent;
        if (fn) fn();
    }
    return (pid_t)em_result(r);
}
ASM_ALIAS(__fork, fork);
ASM_ALIAS(vfork, fork);
