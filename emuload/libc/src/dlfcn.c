/* dlfcn.h and link.h. The link map is the host's; here are the lock around it, the loop that runs
 * constructors and destructors, and each thread's error. The lock is recursive, as glibc's dl_load_lock. The profile
 * decides who holds it when, and who waits for whose constructors. */
#include <asm/unistd.h>
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <sys/auxv.h>
#include "thread.h"

static struct { int word, owner, depth; } loader_lock;

EXPORT NORETURN void _exit(int status);

/* Where a debugger finds the objects, and where it stops when they change. The host fills it in. */
EXPORT struct r_debug _r_debug;
EXPORT __attribute__((noinline)) void _dl_debug_state(void) { __asm__ volatile("" ::: "memory"); }

HIDDEN void em_lock_loader(void) {
    int tid = em_self()->tid, free = 0;
    if (loader_lock.owner == tid) {
        loader_lock.depth++;
        return;
    }
    if (!__atomic_compare_exchange_n(&loader_lock.word, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        EM_EVENT(EM_LOADER_LOCK_WAIT, &loader_lock, loader_lock.owner, 0, 0);
        em_lock_slow(&loader_lock.word);
    }
    loader_lock.owner = tid;
    loader_lock.depth = 1;
    EM_EVENT(EM_LOADER_LOCK_ACQUIRE, &loader_lock, 0, 0, 0);
}

HIDDEN void em_unlock_loader(void) {
    if (--loader_lock.depth) return;
    EM_EVENT(EM_LOADER_LOCK_RELEASE, &loader_lock, 0, 0, 0);
    loader_lock.owner = 0;
    em_unlock(&loader_lock.word);
}

/* -- errors ------------------------------------------------------------------------------------------ */

static void take_error(void) {
    struct thread *self = em_self();
    em_free(self->dl_error);
    self->dl_error = em_malloc(1024);
    if (!self->dl_error) return;
    long length = EM_DL_ERROR(self->dl_error, 1024);
    if (length <= 0) {
        em_free(self->dl_error);
        self->dl_error = 0;
    }
    self->dl_error_read = 0;
}

static void clear_error(void) {
    em_self()->dl_error_read = 1;
}

/* The text is valid until this thread's next dl call. */
EXPORT char *dlerror(void) {
    struct thread *self = em_self();
    if (!self->dl_error || self->dl_error_read) return 0;
    self->dl_error_read = 1;
    return self->dl_error;
}

/* -- opening and closing ------------------------------------------------------------------------------- */

/* Counts the functions that operations have run: what a thread looks at that waits for another's constructors. */
static int progress;

static void wait_for_progress(const struct em_call *call, int seen, int locked) {
    if (locked) em_unlock_loader();
    EM_EVENT(EM_CONSTRUCTORS_WAIT, call->fn, call->argc, 0, 0);
    em_futex_wait(&progress, seen, 0, 0);
    EM_EVENT(EM_WAIT_OVER, call->fn, 0, 0, 0);
    if (locked) em_lock_loader();
}

/* Arguments of a resolver: none on x86-64, HWCAP on ARM, and on AArch64 HWCAP with a mark and a structure with more
 * of the processor's features (glibc sys/ifunc.h). */
HIDDEN em_word em_resolve(em_word resolver) {
#if defined(__aarch64__)
    struct { unsigned long size, hwcap, hwcap2; } more = {sizeof more, getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
    return ((em_word (*)(unsigned long, void *))resolver)(more.hwcap | 1UL << 62, &more);   /* _IFUNC_ARG_HWCAP */
#elif defined(__arm__)
    return ((em_word (*)(unsigned long))resolver)(getauxval(AT_HWCAP));
#else
    return ((em_word (*)(void))resolver)();
#endif
}

HIDDEN NORETURN void em_link_fatal(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    em_syscall(__NR_write, 2, text, length);
    _exit(127);
}

/* The lock of dl_iterate_phdr, recursive (glibc's dl_load_write_lock). Constructors under dlopen's lock may be waiting for a
 * thread that iterates, so it is another one. */
static int iterate_lock, iterate_owner, iterate_depth;

static void lock_iteration(void) {
    int tid = em_self()->tid, free = 0;
    if (iterate_owner == tid) {
        iterate_depth++;
        return;
    }
    if (!__atomic_compare_exchange_n(&iterate_lock, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        EM_EVENT(EM_ITERATION_WAIT, &iterate_lock, iterate_owner, 0, 0);
        em_lock_slow(&iterate_lock);
        EM_EVENT(EM_ITERATION_ACQUIRE, &iterate_lock, 0, 0, 0);
    }
    iterate_owner = tid;
    iterate_depth = 1;
}

static void unlock_iteration(void) {
    if (--iterate_depth) return;
    iterate_owner = 0;
    em_unlock(&iterate_lock);
}

/* pthread_exit, pthread_cancel and backtrace need libgcc_s, which the first of them opens (glibc misc/unwind-link.c). */
HIDDEN void em_open_unwinder(void) {
    static int opened;
    if (opened || !(em_process.flags & EM_LOCK_UNWINDER)) return;
    em_lock_loader();
    opened = 1;
    em_unlock_loader();
}

/* Runs what an operation asks for and returns its result. `locked`: the caller holds the loader's lock. */
HIDDEN em_word em_run_operation(long op, int locked) {
    struct em_call call;
    em_word answer = 0;
    int release = locked && !(em_process.flags & EM_LOCK_CONSTRUCTORS);
    for (;;) {
        int seen = __atomic_load_n(&progress, __ATOMIC_ACQUIRE);
        long next = EM_DL_NEXT(op, &call, answer);
        if (next == EM_DL_RESOLVE) {
            answer = em_resolve(call.fn);
            continue;
        }
        if (next == EM_DL_NOTE) {
            if (call.argc && em_process.flags & EM_ITERATION_LOCK) {   /* nobody may be walking through the list */
                lock_iteration();
                unlock_iteration();
            }
            ((void (*)(void))call.fn)();
            continue;
        }
        if (next == EM_DL_FATAL) em_link_fatal((const char *)call.fn);
        if (next == EM_DL_WAIT) {
            wait_for_progress(&call, seen, locked);
            continue;
        }
        if (em_process.flags & EM_WAIT_CONSTRUCTORS) {
            __atomic_fetch_add(&progress, 1, __ATOMIC_RELEASE);
            em_futex_wake(&progress, INT_MAX);
        }
        if (next <= 0) return call.value;
        if (release) em_unlock_loader();
        ((void (*)(int, char **, char **))call.fn)((int)call.argc, (char **)call.argv, (char **)call.envp);
        if (release) em_lock_loader();
    }
}

static void *open_from(const char *path, int flags, void *caller) {
    em_lock_loader();
    clear_error();
    long op = EM_DL_OPEN(path, flags, caller);
    void *handle = 0;
    EM_INFO(&em_process);   /* what was loaded may decide the flags */
    if (op > 0) handle = (void *)em_run_operation(op, 1);
    if (!handle) take_error();   /* no handle if RTLD_NOLOAD finds nothing */
    em_unlock_loader();
    return handle;
}

EXPORT void *dlopen(const char *path, int flags) { return open_from(path, flags, __builtin_return_address(0)); }
EXPORT void *dlmopen(Lmid_t space, const char *path, int flags) { return open_from(path, flags, __builtin_return_address(0)); }

EXPORT int dlclose(void *handle) {
    em_lock_loader();
    clear_error();
    long op = EM_DL_CLOSE(handle);
    if (op > 0) em_run_operation(op, 1);
    else take_error();
    em_unlock_loader();
    return op > 0 ? 0 : -1;
}

/* The first call through a PLT slot, from __emu_lazy_resolve, which keeps the call's registers. `map`: the object's link
 * map; `index`: the slot's entry in its PLT table. Returns where the call goes (glibc elf/dl-runtime.c, _dl_fixup). */
HIDDEN em_word em_bind(em_word map, em_word index) {
    int saved = errno;
    em_word word;
    long done = EM_DL_BIND(map, index, &word);
    if (done == EM_BIND_LOCK) {
        em_lock_loader();
        done = EM_DL_BIND(map, index, &word);
        em_unlock_loader();
    }
    if (done == EM_BIND_FAILED) em_link_fatal((const char *)word);
    if (done == EM_BIND_RESOLVE) word = (em_word)EM_DL_BOUND(map, index, em_resolve(word));
    errno = saved;
    return word;
}

/* -- looking up ------------------------------------------------------------------------------------------ */

static void *symbol_from(void *handle, const char *name, const char *version, void *caller) {
    em_lock_loader();
    clear_error();
    struct em_symbol symbol = {0, 0};
    long found = EM_DL_SYM(handle, name, version, caller, &symbol);
    em_word address = symbol.address;
    if (found == EM_FOUND_NOTHING) take_error();
    if (found == EM_FOUND_RESOLVER) address = em_resolve(symbol.address);
    if (found == EM_FOUND_TLS) address = (em_word)__tls_get_addr((struct tls_index *)&symbol);
    if (found > EM_FOUND_ADDRESS) EM_DL_FOUND(address);
    em_unlock_loader();
    return (void *)address;
}

EXPORT void *dlsym(void *handle, const char *name) { return symbol_from(handle, name, 0, __builtin_return_address(0)); }
EXPORT void *dlvsym(void *handle, const char *name, const char *version) {
    return symbol_from(handle, name, version, __builtin_return_address(0));
}
ASM_ALIAS(__dlsym_time64, dlsym);

static int address_info(const void *address, struct em_dl_addr *out) {
    em_lock_loader();
    int found = EM_DL_ADDR(address, out) > 0;
    em_unlock_loader();
    return found;
}

EXPORT int dladdr(const void *address, Dl_info *info) {
    struct em_dl_addr a;
    if (!address_info(address, &a)) return 0;
    info->dli_fname = (const char *)a.file_name;
    info->dli_fbase = (void *)a.base;
    info->dli_sname = (const char *)a.symbol_name;
    info->dli_saddr = (void *)a.symbol_address;
    return 1;
}

EXPORT int dladdr1(const void *address, Dl_info *info, void **extra, int flags) {
    struct em_dl_addr a;
    if (!dladdr(address, info) || !address_info(address, &a)) return 0;
    if (flags == RTLD_DL_SYMENT) *extra = (void *)a.symbol;
    if (flags == RTLD_DL_LINKMAP) *extra = (void *)a.link_map;
    return 1;
}

/* Without the lock, as glibc's and bionic's (musl's takes one that constructors do not hold). */
EXPORT int dlinfo(void *handle, int request, void *out) {
    clear_error();
    long r = EM_DL_INFO(handle, request, out);
    if (r < 0) take_error();
    return r < 0 ? -1 : 0;
}

HIDDEN void *em_tls_block(unsigned long module);

static void stop_iterating(void *unused) {
    if (em_process.flags & EM_ITERATION_LOCK) unlock_iteration();
    if (em_process.flags & EM_LOCK_ITERATING) em_unlock_loader();
}

EXPORT int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data) {
    EM_EXCEPTIONS_PASS();
    int r = 0;
    if (em_process.flags & EM_LOCK_ITERATING) em_lock_loader();
    if (em_process.flags & EM_ITERATION_LOCK) lock_iteration();
    struct em_cleanup cleanup;
    em_cleanup_push(&cleanup, stop_iterating, 0);
    struct dl_phdr_info info;
    for (long i = 0; !r && EM_DL_ITERATE(i, &info) > 0; i++) {
        if (info.dlpi_tls_modid) info.dlpi_tls_data = em_tls_block(info.dlpi_tls_modid);
        r = EM_CALL_BACK(callback, &info, sizeof info, data);
    }
    em_cleanup_pop(&cleanup);
    stop_iterating(0);
    return r;
}

/* What the unwinder asks for each frame; it takes no lock (glibc elf/dl-find_object.c). */
EXPORT int _dl_find_object(void *address, struct dl_find_object *result) {
    struct em_dl_object object;
    if (EM_DL_FIND(address, &object) <= 0) return -1;
    result->dlfo_flags = 0;
    result->dlfo_map_start = (void *)object.start;
    result->dlfo_map_end = (void *)object.end;
    result->dlfo_link_map = (struct link_map *)object.link_map;
    result->dlfo_eh_frame = 0;
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)object.headers;
    for (em_word i = 0; i < object.count; i++) {
        if (headers[i].p_type != DLFO_EH_SEGMENT_TYPE) continue;
        result->dlfo_eh_frame = (void *)(object.bias + headers[i].p_vaddr);
#if DLFO_STRUCT_HAS_EH_COUNT
        result->dlfo_eh_count = (int)(headers[i].p_memsz / 8);
#endif
    }
    return 0;
}

#if defined(__arm__)
/* The unwinder's way to a module's .ARM.exidx (glibc sysdeps/arm/find_exidx.c; EHABI). */
EXPORT uintptr_t __gnu_Unwind_Find_exidx(uintptr_t pc, int *count) {
    struct dl_find_object found;
    if (_dl_find_object((void *)pc, &found) < 0 || !found.dlfo_eh_frame) return 0;
    *count = found.dlfo_eh_count;
    return (uintptr_t)found.dlfo_eh_frame;
}
ASM_ALIAS(dl_unwind_find_exidx, __gnu_Unwind_Find_exidx);
#endif
