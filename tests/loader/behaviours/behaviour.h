/* What the behaviours' programs share: everything is printed at once, and a failed dlopen says why. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

#if defined(__arm__) && __ARM_ARCH < 6
/* zig's own reads a register that an ARMv5 has not: ask the kernel's helper at 0xffff0fe0. */
__asm__(".pushsection .text.read_tp,\"ax\",%progbits\n.weak __aeabi_read_tp\n.hidden __aeabi_read_tp\n"
        ".type __aeabi_read_tp,%function\n.arm\n__aeabi_read_tp: mvn r0, #0xf000\n sub pc, r0, #31\n.popsection\n");
#endif

/* dlopen that says what went wrong. */
static inline void *must_open(const char *name, int flags) {
    void *handle = dlopen(name, flags);
    if (!handle) SAY("%s\n", dlerror());
    return handle;
}

/* dlsym of a function `int f(void)` and its result; -1 and the reason where there is none. */
static inline int call(void *handle, const char *name) {
    int (*function)(void) = (int (*)(void))dlsym(handle, name);
    if (function) return function();
    SAY("%s\n", dlerror());
    return -1;
}

/* The function in a thread of its own, to its end. */
static inline void in_thread(void *(*function)(void *), void *argument) {
    pthread_t thread;
    pthread_create(&thread, 0, function, argument);
    pthread_join(thread, 0);
}

/* For each libr<number>.so, which has one relocation of a variable against a function of 77 bytes (made.py, relocation): what the
 * variable is then. */
static inline void say_relocations(const int *numbers, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        sprintf(name, "./libr%d.so", numbers[i]);
        void *x = dlopen(name, RTLD_NOW);
        SAY("%d ", numbers[i]);
        if (!x) {
            SAY("%s\n", dlerror());
            continue;
        }
        uintptr_t slot = *(uintptr_t *)dlsym(x, "slot"), place = (uintptr_t)dlsym(x, "slot"), function = (uintptr_t)dlsym(x, "function");
        uintptr_t low = 0xffffffff, ones = -1;
        SAY("%s%s\n", slot == function || slot == function - 1 ? "address" : slot == 77 || slot == 76 ? "size" : slot == ones ? "untouched"
            : (slot & low) == (function & low) ? "low half of the address" : (slot & low) == ((function - place) & low) ? "distance"
            : (slot & low) == 77 ? "size" : "something else", slot >> (sizeof slot * 4) == ones >> (sizeof slot * 4) ? ", upper half untouched" : "");
    }
}
