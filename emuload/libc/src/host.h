/* Requests of the guest library to its host: Linux system calls, and the host calls, which are
 * system calls numbered from EM_BASE on and answered only to this library's own text.
 * The host's side is emuload/libc/host.py; the two lists must agree (a test reads this file). */
#ifndef EMULOAD_HOST_H
#define EMULOAD_HOST_H

#include <stddef.h>
#include <stdint.h>

#define EM_BASE 0x454D0000

enum em_host_call {
    EM_NR_IDLE = EM_BASE,  /* () : the thread parks until the host gives it a call */
    EM_NR_EVENT,           /* (enum em_event, a, b, c, d) */
    EM_NR_DL_OPEN,         /* (path | 0, flags, caller) -> op > 0 | 0 with an error */
    EM_NR_DL_NEXT,         /* (op, struct em_call *, what the resolver returned) -> enum em_next */
    EM_NR_DL_SYM,          /* (handle, name, version | 0, caller, struct em_symbol *) -> enum em_found */
    EM_NR_DL_CLOSE,        /* (handle) -> op | 0 with an error */
    EM_NR_DL_ITERATE,      /* (index, struct dl_phdr_info *) -> 1 | 0 */
    EM_NR_DL_ADDR,         /* (address, struct em_dl_addr *) -> 1 | 0 */
    EM_NR_DL_ERROR,        /* (buffer, size) -> length of the calling thread's last error, 0: none; clears it */
    EM_NR_DL_STARTUP,      /* (phase) -> op; 0: the rest of the relocation, with EM_UNFINISHED; 1: preinit of the program,
                              constructors of the libraries; 2: the program's own */
    EM_NR_DL_SHUTDOWN,     /* () -> op: destructors at exit */
    EM_NR_TLS_SIZE,        /* (struct em_tls_size *) : what a new thread's static TLS area needs */
    EM_NR_TLS_INIT,        /* (area) -> thread pointer; images, TCB self pointer and DTV are written */
    EM_NR_TLS_GET,         /* (module, struct em_tls_module *) -> 0 | -errno */
    EM_NR_INFO,            /* (struct em_info *) */
    EM_NR_DL_INFO,         /* (handle, request, out) -> value, < 0 with an error */
    EM_NR_TLS_FREE,        /* (area) : the area of a thread that is gone; the host writes to it no more */
    EM_NR_DL_BIND,         /* (link map, index in its PLT table, em_word *) -> enum em_bind */
    EM_NR_DL_BOUND,        /* (link map, index, what the resolver returned) -> the same, written to the slot */
    EM_NR_DL_FOUND,        /* (address): what a symbol found as EM_FOUND_RESOLVER or EM_FOUND_TLS came to */
    EM_NR_DL_PIN,          /* (address in an object, 1 | -1) -> op | 0: one more or less thread-local object with a destructor in it */
    EM_NR_DL_FIND,         /* (address, struct em_dl_object *) -> 1 | 0: what _dl_find_object needs */
    EM_NR_DL_UNWINDER,     /* (struct em_unwinder *) -> 1 | 0: of libgcc_s.so.1, if that is loaded */
};

enum em_next {
    EM_DL_DONE = 0,   /* finished, ->value is the result */
    EM_DL_CALL = 1,   /* call it and ask again */
    EM_DL_WAIT = 2,   /* thread ->argc runs the constructors of the object at ->fn: ask again when it has got on */
    EM_DL_RESOLVE = 3,  /* ->fn is an IFUNC's resolver: ask again with what it returns */
    EM_DL_NOTE = 4,   /* call ->fn, where debuggers stop, the lock held, and ask again; ->argc: the list of objects changes next */
    EM_DL_FATAL = 5,  /* ->fn is a text: the process ends with it */
};

enum em_found { EM_FOUND_NOTHING, EM_FOUND_ADDRESS, EM_FOUND_RESOLVER, EM_FOUND_TLS };
enum em_bind { EM_BIND_DONE, EM_BIND_RESOLVE, EM_BIND_FAILED, EM_BIND_LOCK };   /* the word: function, resolver, text;
                                                        LOCK: ask again with the loader lock */

/* Every member is one machine word, so that the layout is the same rule on every ABI. */
typedef unsigned long em_word;

struct em_call { em_word fn, argc, argv, envp, value; };
struct em_tls_size { em_word size, align, tp_offset; };
struct em_tls_module { em_word size, align, image, image_size, place; };   /* place: its block in static TLS, 0: none */
struct em_symbol { em_word address, offset; };   /* EM_FOUND_TLS: module, offset */
struct em_dl_addr { em_word file_name, base, symbol_name, symbol_address, link_map, symbol; };
struct em_dl_object { em_word start, end, link_map, bias, headers, count; };   /* its program headers, and how many */
struct em_unwinder { em_word force, frame; };   /* _Unwind_ForcedUnwind, _Unwind_GetCFA */
struct em_info {
    em_word argc, argv, envp, auxv, page_size;
    em_word stack_low, stack_high;   /* the main thread's stack, its limits */
    em_word entry;                   /* e_entry of the program, 0 without a program */
    em_word flags;                   /* enum em_info_flag */
};
enum em_info_flag {
    EM_LOCK_CONSTRUCTORS = 1,  /* dlopen holds the loader lock while constructors run (glibc, not musl) */
    EM_LINKER_RUNS_INIT = 2,   /* the program's start file leaves its constructors to the linker (musl) */
    EM_WIDE_OFFSETS = 4,       /* on 32-bit ABIs, off_t and ino_t of the plain names are 64 bits wide (musl) */
    EM_LOCK_START = 8,         /* the loader lock is held while constructors run at start too (windows-like) */
    EM_LOCK_NEW_THREADS = 16,  /* a thread takes the loader lock before it runs and when it ends (windows-like) */
    EM_LOCK_ITERATING = 32,    /* dl_iterate_phdr takes it (bionic) */
    EM_LOCK_EXIT = 128,        /* exit takes it before it runs destructors (glibc) */
    EM_WAIT_CONSTRUCTORS = 64, /* who opens or ends waits for constructors that another thread runs (musl) */
    EM_UNFINISHED = 256,       /* the start-up objects are not all relocated: resolvers have to be called first */
    EM_SHUTDOWN_LAST = 512,    /* destructors run after all handlers of exit (musl); else they are one of these, registered */
    EM_SHUTDOWN_LATE = 1024,   /* after the program's constructors (bionic), else before them (glibc) */
    EM_LOCK_UNWINDER = 2048,   /* the first pthread_exit, pthread_cancel or backtrace takes the loader lock: it opens libgcc_s (glibc) */
    EM_LOCK_THREAD_DTORS = 4096,   /* who registers a thread-local object's destructor takes it (glibc, bionic) */
    EM_LOCK_BINDING = 8192,    /* a first call that binds to a library which is no dependency takes it (glibc) */
    EM_ITERATION_LOCK = 16384, /* dl_iterate_phdr has a lock of its own, which dlopen and dlclose take to change the list (glibc) */
};

enum em_event {
    EM_MUTEX_WAIT,       /* (mutex, owner tid) */
    EM_MUTEX_ACQUIRE,    /* (mutex) */
    EM_MUTEX_RELEASE,    /* (mutex) */
    EM_COND_WAIT,        /* (cond, mutex) */
    EM_COND_WAKE,        /* (cond, 1: all | 0: one) */
    EM_COND_RETURN,      /* (cond) */
    EM_SEM_WAIT,         /* (sem) */
    EM_SEM_ACQUIRE,      /* (sem) */
    EM_SEM_POST,         /* (sem) */
    EM_ONCE_WAIT,        /* (once, tid that runs it) */
    EM_ONCE_ENTER,       /* (once, routine) */
    EM_ONCE_EXIT,        /* (once) */
    EM_RWLOCK_WAIT,      /* (rwlock, writer's tid | 0, 1: to write | 0: to read) */
    EM_RWLOCK_ACQUIRE,   /* (rwlock, 1: to write | 0: to read) */
    EM_RWLOCK_RELEASE,   /* (rwlock) */
    EM_BARRIER_WAIT,     /* (barrier, how often it has been passed) */
    EM_BARRIER_LEAVE,    /* (barrier, the same) */
    EM_JOIN_WAIT,        /* (tid) */
    EM_JOIN_DONE,        /* (tid) */
    EM_THREAD_CREATE,    /* (tid, start routine, argument) */
    EM_THREAD_START,     /* (start routine) */
    EM_THREAD_EXIT,      /* () */
    EM_KEY_DESTRUCTOR,   /* (key, function) */
    EM_ATEXIT,           /* (function), called when it is about to run */
    EM_ABORT,            /* () */
    EM_ASSERT,           /* (expression, file, line, function), the strings by address */
    EM_LOADER_LOCK_WAIT,     /* (lock, owner tid) */
    EM_LOADER_LOCK_ACQUIRE,  /* (lock) */
    EM_LOADER_LOCK_RELEASE,  /* (lock) */
    EM_WAIT_OVER,            /* (object): the wait ended without it: time limit, signal, cancellation */
    EM_ONCE_PASS,            /* (once): the routine was done already */
    EM_CONSTRUCTORS_WAIT,    /* (start of the object, tid that runs its constructors) */
    EM_ITERATION_WAIT,       /* (lock of dl_iterate_phdr, owner tid) */
    EM_ITERATION_ACQUIRE,    /* (lock), after a wait */
};

/* Raw system calls: the kernel's answer, negative errno included. */
#if defined(__x86_64__)
static inline long em_sys6(long n, long a, long b, long c, long d, long e, long f) {
    long r;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return r;
}
static inline long em_sys3(long n, long a, long b, long c) {
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return r;
}
#elif defined(__aarch64__)
static inline long em_sys6(long n, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
static inline long em_sys3(long n, long a, long b, long c) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
#elif defined(__arm__)
static inline long em_sys6(long n, long a, long b, long c, long d, long e, long f) {
    register long r7 __asm__("r7") = n;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    register long r4 __asm__("r4") = e;
    register long r5 __asm__("r5") = f;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
    return r0;
}
static inline long em_sys3(long n, long a, long b, long c) {
    register long r7 __asm__("r7") = n;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
    return r0;
}
#else
#error "this machine has no system-call stub"
#endif

/* em_syscall(nr, ...) with up to six arguments of any integer or pointer type. */
#define EM_L(x) ((long)(x))
#define em_s0_(n) em_sys3(EM_L(n), 0, 0, 0)
#define em_s1_(n, a) em_sys3(EM_L(n), EM_L(a), 0, 0)
#define em_s2_(n, a, b) em_sys3(EM_L(n), EM_L(a), EM_L(b), 0)
#define em_s3_(n, a, b, c) em_sys3(EM_L(n), EM_L(a), EM_L(b), EM_L(c))
#define em_s4_(n, a, b, c, d) em_sys6(EM_L(n), EM_L(a), EM_L(b), EM_L(c), EM_L(d), 0, 0)
#define em_s5_(n, a, b, c, d, e) em_sys6(EM_L(n), EM_L(a), EM_L(b), EM_L(c), EM_L(d), EM_L(e), 0)
#define em_s6_(n, a, b, c, d, e, f) em_sys6(EM_L(n), EM_L(a), EM_L(b), EM_L(c), EM_L(d), EM_L(e), EM_L(f))
#define em_pick_(a, b, c, d, e, f, g, m, ...) m
#define em_syscall(...) em_pick_(__VA_ARGS__, em_s6_, em_s5_, em_s4_, em_s3_, em_s2_, em_s1_, em_s0_, 0)(__VA_ARGS__)

#define EM_IDLE() em_syscall(EM_NR_IDLE)
#define EM_EVENT(kind, a, b, c, d) ((void)em_syscall(EM_NR_EVENT, kind, a, b, c, d))
#define EM_DL_OPEN(path, flags, caller) em_syscall(EM_NR_DL_OPEN, path, flags, caller)
#define EM_DL_NEXT(op, out, answer) em_syscall(EM_NR_DL_NEXT, op, out, answer)
#define EM_DL_SYM(handle, name, version, caller, out) em_syscall(EM_NR_DL_SYM, handle, name, version, caller, out)
#define EM_DL_CLOSE(handle) em_syscall(EM_NR_DL_CLOSE, handle)
#define EM_DL_ITERATE(index, out) em_syscall(EM_NR_DL_ITERATE, index, out)
#define EM_DL_ADDR(address, out) em_syscall(EM_NR_DL_ADDR, address, out)
#define EM_DL_ERROR(buffer, size) em_syscall(EM_NR_DL_ERROR, buffer, size)
#define EM_DL_STARTUP(phase) em_syscall(EM_NR_DL_STARTUP, phase)
#define EM_DL_SHUTDOWN() em_syscall(EM_NR_DL_SHUTDOWN)
#define EM_TLS_SIZE(out) em_syscall(EM_NR_TLS_SIZE, out)
#define EM_TLS_INIT(area) em_syscall(EM_NR_TLS_INIT, area)
#define EM_TLS_GET(module, out) em_syscall(EM_NR_TLS_GET, module, out)
#define EM_TLS_FREE(area) em_syscall(EM_NR_TLS_FREE, area)
#define EM_DL_BIND(map, index, out) em_syscall(EM_NR_DL_BIND, map, index, out)
#define EM_DL_BOUND(map, index, target) em_syscall(EM_NR_DL_BOUND, map, index, target)
#define EM_DL_FOUND(address) em_syscall(EM_NR_DL_FOUND, address)
#define EM_DL_PIN(address, change) em_syscall(EM_NR_DL_PIN, address, change)
#define EM_DL_FIND(address, out) em_syscall(EM_NR_DL_FIND, address, out)
#define EM_DL_UNWINDER(out) em_syscall(EM_NR_DL_UNWINDER, out)
#define EM_INFO(out) em_syscall(EM_NR_INFO, out)
#define EM_DL_INFO(handle, request, out) em_syscall(EM_NR_DL_INFO, handle, request, out)

#endif
