/* Functions of the ARM run-time ABI (IHI 0043) whose results a C function cannot return. */
    .syntax unified
    .arm
    .text

    /* {quotient in r0:r1, remainder in r2:r3} by a function that stores the remainder. */
    .macro division name, function
    .globl \name
    .type \name, %function
    .p2align 2
\name:
    .fnstart
    .save {r4, lr}
    push {r4, lr}
    .pad #16
    sub sp, sp, #16
    add r4, sp, #8
    str r4, [sp]
    bl \function
    ldrd r2, r3, [sp, #8]
    add sp, sp, #16
    pop {r4, pc}
    .fnend
    .size \name, . - \name
    .endm

    division __aeabi_ldivmod, __emu_divide_long
    division __aeabi_uldivmod, __emu_divide_unsigned_long

    /* The result in the flags, all of r0-r3 and r12 kept (4.1.2): Z if equal, C clear if less. From -1, 0, 1. */
    .macro comparison name, function, swap
    .globl \name
    .type \name, %function
    .p2align 2
\name:
    .fnstart
    push {r0-r3, r12, lr}
    \swap
    bl \function
    add r0, r0, #1
    cmp r0, #1
    pop {r0-r3, r12, pc}
    .cantunwind
    .fnend
    .size \name, . - \name
    .endm

    .macro as_they_are
    .endm
    .macro swap_doubles
    mov r12, r0
    mov r0, r2
    mov r2, r12
    mov r12, r1
    mov r1, r3
    mov r3, r12
    .endm
    .macro swap_floats
    mov r12, r0
    mov r0, r1
    mov r1, r12
    .endm

    comparison __aeabi_cdcmpeq, __ledf2, as_they_are
    comparison __aeabi_cdcmple, __ledf2, as_they_are
    comparison __aeabi_cdrcmple, __ledf2, swap_doubles
    comparison __aeabi_cfcmpeq, __lesf2, as_they_are
    comparison __aeabi_cfcmple, __lesf2, as_they_are
    comparison __aeabi_cfrcmple, __lesf2, swap_floats
