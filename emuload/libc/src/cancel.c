/* Cancellation, cleanup handlers and the end of a thread.
 *
 * A request sets cancel_pending and sends signal 32. A cancellable system call looks at cancel_now just before
 * it enters the kernel; its handler moves a thread that is between that look and the end of the call on to the
 * way out, so that no request is lost in between. */
#include <asm/unistd.h>
#include <signal.h>
#include <ucontext.h>
#include "thread.h"
#include "signal_internal.h"

long em_cancellable_asm(int *cancel, long nr, long a, long b, long c, long d, long e, long f);
extern HIDDEN char em_cp_begin[], em_cp_end[], em_cp_cancelled[];

HIDDEN long em_cancellable(long nr, long a, long b, long c, long d, long e, long f) {
    struct thread *self = em_self();
    long r = em_cancellable_asm(&self->cancel_now, nr, a, b, c, d, e, f);
    return r == -EINTR && self->cancel_now && nr != __NR_close ? -ECANCELED : r;
}

HIDDEN long em_cancellable_result(long r) {
    if (UNLIKELY(r == -ECANCELED) && em_self()->cancel_now) em_thread_cancel();
    return r;
}

HIDDEN void em_testcancel(void) {
    if (UNLIKELY(em_self()->cancel_now)) em_thread_cancel();
}

HIDDEN NORETURN void em_thread_cancel(void) { em_thread_exit(PTHREAD_CANCELED); }

static void update(struct thread *t) {
    t->cancel_now = t->cancel_pending && t->cancel_state == PTHREAD_CANCEL_ENABLE && !t->exiting;
}

static void on_cancel(int signal, siginfo_t *info, void *context) {
    struct thread *self = em_self();
    update(self);
    if (!self->cancel_now) return;
    ucontext_t *u = context;
#if defined(__x86_64__)
    uintptr_t *pc = (uintptr_t *)&u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    uintptr_t *pc = (uintptr_t *)&u->uc_mcontext.pc;
#else
    uintptr_t *pc = (uintptr_t *)&u->uc_mcontext.arm_pc;
#endif
    if (*pc >= (uintptr_t)em_cp_begin && *pc < (uintptr_t)em_cp_end) *pc = (uintptr_t)em_cp_cancelled;
    else if (self->cancel_type == PTHREAD_CANCEL_ASYNCHRONOUS) {
        uint64_t bit = 1ULL << (SIGCANCEL - 1);
        em_syscall(__NR_rt_sigprocmask, SIG_UNBLOCK, &bit, 0, sizeof bit);
        em_thread_cancel();
    }
}

EXPORT int pthread_cancel(pthread_t thread) {
    struct thread *t = (struct thread *)thread, *self = em_self();
    static int installed;
    em_open_unwinder();
    if (!__atomic_exchange_n(&installed, 1, __ATOMIC_ACQ_REL)) {
        struct em_sigaction action = {.flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
        action.handler = (void *)on_cancel;
        em_sigaction(SIGCANCEL, &action, 0);
    }
    em_lock(&em_threads_lock);
    int known = em_thread_known(t), tid = known ? t->tid : 0;
    if (known) t->cancel_pending = 1;
    em_unlock(&em_threads_lock);
    if (!known) return ESRCH;
    if (t == self) {
        update(self);
        if (self->cancel_now && self->cancel_type == PTHREAD_CANCEL_ASYNCHRONOUS) em_thread_cancel();
        return 0;
    }
    return tid ? (int)-em_syscall(__NR_tgkill, em_syscall(__NR_getpid), tid, SIGCANCEL) : 0;
}

EXPORT int pthread_setcancelstate(int state, int *old) {
    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE) return EINVAL;
    struct thread *self = em_self();
    if (old) *old = self->cancel_state;
    self->cancel_state = state;
    update(self);
    if (self->cancel_now && self->cancel_type == PTHREAD_CANCEL_ASYNCHRONOUS) em_thread_cancel();
    return 0;
}

EXPORT int pthread_setcanceltype(int type, int *old) {
    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS) return EINVAL;
    struct thread *self = em_self();
    if (old) *old = self->cancel_type;
    self->cancel_type = type;
    if (self->cancel_now && type == PTHREAD_CANCEL_ASYNCHRONOUS) em_thread_cancel();
    return 0;
}

EXPORT void pthread_testcancel(void) { em_testcancel(); }

/* -- cleanup handlers ------------------------------------------------------------------------------ */

/* glibc's pthread_cleanup_push in C: setjmp into a buffer chained to the thread; leaving jumps there, the code
 * there runs the handler and calls __pthread_unwind_next (glibc pthread.h, __pthread_unwind_buf_t). */
HIDDEN NORETURN void em_jump(void *buffer, int value);

/* Where a jmp_buf keeps sp, in words. */
#if defined(__x86_64__)
enum { SAVED_SP = 6 };
#elif defined(__aarch64__)
enum { SAVED_SP = 12 };
#else
enum { SAVED_SP = 8 };
#endif

static NORETURN void unwind(struct thread *self) {
    __pthread_unwind_buf_t *buffer = self->unwind_buffers;
    if (buffer) {
        self->unwind_buffers = buffer->__pad[0];
        em_jump(buffer, 1);
    }
    for (struct em_cleanup *c; (c = self->cleanup) != 0;) {
        self->cleanup = c->next;
        c->routine(c->argument);
    }
    em_thread_finish(self);
}

/* Through frames of C++ the unwinder goes, if libgcc_s is loaded, so that their destructors run: for each frame it calls
 * stop_unwinding, which leaves for the handlers of glibc's C macros when it comes to their frame (glibc nptl/unwind.c). */
enum { UA_END_OF_STACK = 16 };
#if defined(__arm__)
typedef const char *exception_class;   /* an array in EHABI */
#else
typedef uint64_t exception_class;
#endif

static int stop_unwinding(int version, int actions, exception_class class, void *exception, void *context, void *frame_of) {
    struct thread *self = em_self();
    if (actions & UA_END_OF_STACK) unwind(self);
    uintptr_t sp = ((uintptr_t (*)(void *))frame_of)(context);
    uintptr_t *buffer = self->unwind_buffers;
    if (buffer && sp >= buffer[SAVED_SP]) unwind(self);
    for (struct em_cleanup *c; (c = self->cleanup) != 0 && (uintptr_t)c < sp;) {
        self->cleanup = c->next;
        c->routine(c->argument);
    }
    return 0;
}

static void not_rethrown(int reason, void *exception) { em_fatal("FATAL: exception not rethrown\n"); }

static NORETURN void leave(struct thread *self) {
    struct em_unwinder unwinder;
    if (EM_DL_UNWINDER(&unwinder) > 0) {
        /* struct _Unwind_Exception: class, then a function for who drops it; 32 bytes, or 88 on ARM. */
        struct { uint64_t class; void (*cleanup)(int, void *); char rest[112]; } *exception = em_tls_keep(sizeof *exception);
        exception->cleanup = not_rethrown;
        ((int (*)(void *, void *, void *))unwinder.force)(exception, stop_unwinding, (void *)unwinder.frame);
    }
    unwind(self);
}

static struct thread *ending(void *result) {
    struct thread *self = em_self();
    self->result = result;
    self->exiting = 1;
    self->cancel_state = PTHREAD_CANCEL_DISABLE;
    self->cancel_now = 0;
    return self;
}

HIDDEN NORETURN void em_thread_exit(void *result) { leave(ending(result)); }

HIDDEN NORETURN void em_thread_return(void *result) { unwind(ending(result)); }

EXPORT void __pthread_register_cancel(__pthread_unwind_buf_t *buffer) {
    buffer->__pad[0] = em_self()->unwind_buffers;
    em_self()->unwind_buffers = buffer;
}
EXPORT void __pthread_unregister_cancel(__pthread_unwind_buf_t *buffer) { em_self()->unwind_buffers = buffer->__pad[0]; }
EXPORT void __pthread_register_cancel_defer(__pthread_unwind_buf_t *buffer) {
    __pthread_register_cancel(buffer);
    buffer->__pad[1] = (void *)(uintptr_t)em_self()->cancel_type;
    em_self()->cancel_type = PTHREAD_CANCEL_DEFERRED;
}
EXPORT void __pthread_unregister_cancel_restore(__pthread_unwind_buf_t *buffer) {
    em_self()->unwind_buffers = buffer->__pad[0];
    pthread_setcanceltype((int)(uintptr_t)buffer->__pad[1], 0);
}
EXPORT void __pthread_unwind_next(__pthread_unwind_buf_t *buffer) { leave(em_self()); }

/* musl's macros, and glibc's old ones: routine and argument are the first two words of both structures. */
EXPORT void _pthread_cleanup_push(struct _pthread_cleanup_buffer *buffer, void (*routine)(void *), void *argument) {
    em_cleanup_push((struct em_cleanup *)buffer, routine, argument);
}
EXPORT void _pthread_cleanup_pop(struct _pthread_cleanup_buffer *buffer, int execute) {
    struct em_cleanup *c = (struct em_cleanup *)buffer;
    em_cleanup_pop(c);
    if (execute) c->routine(c->argument);
}

/* thread_local destructors of C++ (Itanium ABI), last registered first. */
struct em_tls_dtor { struct em_tls_dtor *next; void (*fn)(void *); void *object, *dso; };

EXPORT int __cxa_thread_atexit_impl(void (*fn)(void *), void *object, void *dso) {
    struct em_tls_dtor *d = em_malloc(sizeof *d);
    if (!d) em_fatal("out of memory in __cxa_thread_atexit_impl\n");
    *d = (struct em_tls_dtor){em_self()->tls_dtors, fn, object, dso};
    em_self()->tls_dtors = d;
    int locked = (em_process.flags & EM_LOCK_THREAD_DTORS) != 0;
    if (locked) em_lock_loader();
    EM_DL_PIN(dso, 1);   /* what the destructor needs stays loaded (glibc stdlib/cxa_thread_atexit_impl.c) */
    if (locked) em_unlock_loader();
    return 0;
}

HIDDEN void em_run_tls_dtors(struct thread *self) {
    for (struct em_tls_dtor *d; (d = self->tls_dtors) != 0;) {
        self->tls_dtors = d->next;
        d->fn(d->object);
        long op = EM_DL_PIN(d->dso, -1);
        if (op > 0) {   /* the library was closed before: it goes now (bionic) */
            em_lock_loader();
            em_run_operation(op, 1);
            em_unlock_loader();
        }
        em_free(d);
    }
}
EXPORT void __call_tls_dtors(void) { em_run_tls_dtors(em_self()); }
