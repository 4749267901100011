/* Names of the ARM run-time ABI (IHI 0043) that only assembly can give. */
    .syntax unified
    .arm
    .text

    /* void *__aeabi_read_tp(void): r0 only may be changed (IHI 0043, 5.3.5). */
    .globl __aeabi_read_tp
    .type __aeabi_read_tp, %function
__aeabi_read_tp:
    .fnstart
    mrc p15, 0, r0, c13, c0, 3
    bx lr
    .cantunwind
    .fnend
    .size __aeabi_read_tp, . - __aeabi_read_tp

    /* Personality routines that this library's unwind tables refer to (IHI 0038, 9.2). Others have libgcc_s's. */
    .hidden __aeabi_unwind_cpp_pr0
    .hidden __aeabi_unwind_cpp_pr1
    .hidden __aeabi_unwind_cpp_pr2
    .globl __aeabi_unwind_cpp_pr0
    .globl __aeabi_unwind_cpp_pr1
    .globl __aeabi_unwind_cpp_pr2
    .type __aeabi_unwind_cpp_pr0, %function
    .type __aeabi_unwind_cpp_pr1, %function
    .type __aeabi_unwind_cpp_pr2, %function
__aeabi_unwind_cpp_pr0:
__aeabi_unwind_cpp_pr1:
__aeabi_unwind_cpp_pr2:
    .fnstart
    mov r0, #9                  /* _URC_FAILURE */
    bx lr
    .cantunwind
    .fnend
    .size __aeabi_unwind_cpp_pr0, . - __aeabi_unwind_cpp_pr0
