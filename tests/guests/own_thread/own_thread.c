/* Makes a thread behind the C library's back, with a thread pointer that no TLS area was filled for. */
#define _GNU_SOURCE
#include <sched.h>
#include <time.h>

static long stack[512] __attribute__((aligned(64)));
static long area[512] __attribute__((aligned(64)));

/* clone(2), whose child ends at once: it has an empty stack and no C library. */
static long make_thread(unsigned long flags, void *top, void *thread_pointer) {
#if defined(__x86_64__)
    register long result __asm__("rax") = 56, child __asm__("r10") = 0;
    register void *pointer __asm__("r8") = thread_pointer;
    __asm__ volatile("syscall; test %%rax, %%rax; jnz 1f; mov $60, %%eax; xor %%edi, %%edi; syscall; 1:"
                     : "+r"(result) : "D"(flags), "S"(top), "d"(0), "r"(child), "r"(pointer) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long result __asm__("x0") = (long)flags, number __asm__("x8") = 220, child __asm__("x4") = 0;
    register void *stack __asm__("x1") = top, *parent __asm__("x2") = 0, *pointer __asm__("x3") = thread_pointer;
    __asm__ volatile("svc 0; cbnz x0, 1f; mov x8, 93; svc 0; 1:"
                     : "+r"(result), "+r"(number) : "r"(stack), "r"(parent), "r"(pointer), "r"(child) : "memory");
    return result;
#else
    register long result __asm__("r0") = (long)flags, child __asm__("r4") = 0;
    register void *stack __asm__("r1") = top, *parent __asm__("r2") = 0, *pointer __asm__("r3") = thread_pointer;
    __asm__ volatile("push {r7}; mov r7, #120; svc 0; cmp r0, #0; moveq r7, #1; svceq 0; pop {r7}"
                     : "+r"(result) : "r"(stack), "r"(parent), "r"(pointer), "r"(child) : "memory", "cc");
    return result;
#endif
}

int own_thread(void) {
    area[256] = (long)&area[256]; /* on amd64 the word at the thread pointer holds its own address */
    unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS;
    long made = make_thread(flags, stack + 512, &area[256]);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, 0);
    return made > 0;
}
