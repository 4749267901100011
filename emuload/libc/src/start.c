/* Process start. The host enters __emu_start (assembly) on the main thread's stack as the kernel leaves it. */
#include <asm/unistd.h>
#include <elf.h>
#include <sys/auxv.h>
#include "thread.h"

EXPORT const int __emu_tcb_size = sizeof(struct thread);

HIDDEN struct em_info em_process;
EXPORT char **environ;
__asm__(".globl __environ\n.type __environ,%object\n.size __environ," EM_WORD_SIZE "\n.set __environ,environ\n"
        ".globl _environ\n.type _environ,%object\n.size _environ," EM_WORD_SIZE "\n.set _environ,environ");
EXPORT char *program_invocation_name = (char *)"", *program_invocation_short_name = (char *)"";
__asm__(".globl __progname\n.type __progname,%object\n.size __progname," EM_WORD_SIZE "\n.set __progname,program_invocation_short_name\n"
        ".globl __progname_full\n.type __progname_full,%object\n.size __progname_full," EM_WORD_SIZE "\n.set __progname_full,program_invocation_name");
EXPORT uintptr_t __stack_chk_guard;   /* where the canary is on ARM and AArch64; amd64 has it in the TCB */
EXPORT char __libc_single_threaded = 0;
EXPORT int __libc_enable_secure = 0;
EXPORT void *__libc_stack_end;

static const unsigned long *auxiliary;

EXPORT unsigned long getauxval(unsigned long type) {
    for (const unsigned long *a = auxiliary; a && a[0] != AT_NULL; a += 2)
        if (a[0] == type) return a[1];
    errno = ENOENT;
    return 0;
}
ASM_ALIAS(__getauxval, getauxval);

static void set_program_name(const char *name) {
    program_invocation_name = program_invocation_short_name = (char *)name;
    for (; *name; name++)
        if (*name == '/') program_invocation_short_name = (char *)name + 1;
}

HIDDEN WEAK void em_text_start(void);   /* the text half's own start, if it needs one */

/* Called by __emu_start; returns the program's entry. Without a program the thread waits for the host's calls. */
HIDDEN uintptr_t em_start(long *stack);
HIDDEN uintptr_t em_start(long *stack) {
    EM_INFO(&em_process);
    struct thread *self = em_self();
    auxiliary = (const unsigned long *)em_process.auxv;
    if (em_process.flags & EM_UNFINISHED) em_run_operation(EM_DL_STARTUP(0), 0);
    environ = (char **)em_process.envp;   /* a program's copy of it is made by now */
    __libc_stack_end = stack;
    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    if (random) __builtin_memcpy(&__stack_chk_guard, random, sizeof __stack_chk_guard);
    __stack_chk_guard &= ~0xffUL;   /* a zero byte first, so that no string copy carries it on */
#if defined(__x86_64__)
    self->stack_guard = __stack_chk_guard;
    if (random) __builtin_memcpy(&self->pointer_guard, random + 8, sizeof self->pointer_guard);
#endif
    self->err = 0;
    em_thread_init_main(self);
    if (em_process.argc) set_program_name(((char **)em_process.argv)[0]);
    if (em_text_start) em_text_start();
    int locked = (em_process.flags & EM_LOCK_START) != 0;
    if (locked) em_lock_loader();
    em_run_operation(EM_DL_STARTUP(1), locked);
    if (locked) em_unlock_loader();
    if (em_process.entry) return em_process.entry;
    if (!(em_process.flags & EM_SHUTDOWN_LAST)) em_register_shutdown();
    for (;;) EM_IDLE();
}

/* A foreign thread of the host: it only runs the calls it is given. */
EXPORT void *__emu_foreign_main(void *unused) {
    for (;;) EM_IDLE();
}

/* glibc: (main, argc, argv, init, fini, rtld_fini, stack_end), init and fini 0 since 2.34. musl: (main, argc, argv,
 * _init, _fini, 0), where both are the linker's business (csu/libc-start.c, src/env/__libc_start_main.c). */
EXPORT NORETURN int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv,
                                      void (*init)(int, char **, char **), void (*fini)(void), void (*rtld_fini)(void), void *stack_end) {
    int by_linker = (em_process.flags & EM_LINKER_RUNS_INIT) != 0;
    int late = (em_process.flags & EM_SHUTDOWN_LATE) != 0;
    if (!late && !(em_process.flags & EM_SHUTDOWN_LAST)) em_register_shutdown();
    if (fini && !by_linker) em_atexit(fini);
    if (init && !by_linker) init(argc, argv, environ);
    else em_run_operation(EM_DL_STARTUP(2), 0);
    if (late) em_register_shutdown();
    em_exit(main(argc, argv, environ));
}
