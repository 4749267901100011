/* Code that needs registers by name on ARM: process entry, clone, thread end, cancellable calls, signal return,
 * setjmp, TLS descriptors. AAPCS (IHI 0042), section 5.1; TLS descriptors: Addenda to the ABI (IHI 0045) and the
 * linker's trampoline `add r0, lr, r0; ldr r1, [r0, #4]; bx r1`. */
    .syntax unified
    .arm
    .text

#define FUNCTION(name) .globl name; .type name, %function; .p2align 2; name: .fnstart
#define HIDDEN_FUNCTION(name) .hidden name; FUNCTION(name)
#define END(name) .cantunwind; .fnend; .size name, . - name

FUNCTION(__emu_start)
    mov r11, #0
    mov lr, #0
    mov r4, sp
    mov r0, sp
    bic sp, sp, #7
    bl em_start
    mov r12, r0
    mov sp, r4
    ldr r0, 1f
2:  add r0, pc, r0
    mov lr, #0
    bx r12
1:  .word em_finish - 2b - 8
END(__emu_start)

    /* long em_clone(flags, stack, int *parent_tid, tp, int *child_tid, fn, argument) */
HIDDEN_FUNCTION(em_clone)
    push {r4, r7}
    ldr r4, [sp, #12]           /* fn */
    ldr r12, [sp, #16]          /* argument */
    bic r1, r1, #7
    str r12, [r1, #-4]!
    str r4, [r1, #-4]!
    ldr r4, [sp, #8]            /* kernel: flags, stack, parent, tls, child */
    mov r7, #120
    svc 0
    cmp r0, #0
    beq 1f
    pop {r4, r7}
    bx lr
1:  mov r11, #0
    mov lr, #0
    pop {r1, r2}
    mov r0, r2
    blx r1
    udf #0
END(em_clone)

HIDDEN_FUNCTION(em_unmap_and_exit)
    mov r7, #91
    svc 0
    mov r0, #0
    mov r7, #1
    svc 0
    udf #0
END(em_unmap_and_exit)

    .hidden em_cp_begin, em_cp_end, em_cp_cancelled
    .globl em_cp_begin, em_cp_end, em_cp_cancelled
HIDDEN_FUNCTION(em_cancellable_asm)
    push {r4, r5, r7, lr}
em_cp_begin:
    ldr r12, [r0]
    cmp r12, #0
    bne em_cp_cancelled
    mov r7, r1
    mov r0, r2
    mov r1, r3
    ldr r2, [sp, #16]
    ldr r3, [sp, #20]
    ldr r4, [sp, #24]
    ldr r5, [sp, #28]
    svc 0
em_cp_end:
    pop {r4, r5, r7, pc}
em_cp_cancelled:
    mvn r0, #124                /* -125, -ECANCELED */
    pop {r4, r5, r7, pc}
END(em_cancellable_asm)

    /* long em_call_back(function, up to three arguments): see EM_CALL_BACK. */
    .hidden em_call_back
    .globl em_call_back
    .type em_call_back, %function
    .p2align 2
em_call_back:
    .fnstart
    push {r4, lr}
    .save {r4, lr}
    .personality em_cleanup_personality
    mov r12, r0
    mov r0, r1
    mov r1, r2
    mov r2, r3
    blx r12
    pop {r4, pc}
    .handlerdata
    .fnend
    .size em_call_back, . - em_call_back

    /* SA_SIGINFO frames and plain ones return by different calls (Linux arch/arm/kernel/signal.c). */
HIDDEN_FUNCTION(em_signal_return)
    mov r7, #173
    svc 0
    udf #0
END(em_signal_return)
HIDDEN_FUNCTION(em_signal_return_plain)
    mov r7, #119
    svc 0
    udf #0
END(em_signal_return_plain)

    /* r4-r11, sp, lr, then d8-d15 where the calling convention has them. */
FUNCTION(_setjmp)
    mov r1, #0
    b __sigsetjmp
END(_setjmp)
FUNCTION(setjmp)
    mov r1, #0
    b __sigsetjmp
END(setjmp)
    .globl sigsetjmp, __sigsetjmp_cancel
    .type sigsetjmp, %function
    .type __sigsetjmp_cancel, %function
FUNCTION(__sigsetjmp)
sigsetjmp:
__sigsetjmp_cancel:
    mov r12, r0
    stmia r12!, {r4-r11}
    mov r2, sp
    stmia r12!, {r2, lr}
#ifdef __ARM_PCS_VFP
    add r12, r12, #8
    vstmia r12, {d8-d15}
#endif
    b em_save_mask
END(__sigsetjmp)

HIDDEN_FUNCTION(em_jump)
    mov r12, r0
    mov r0, r1
    ldmia r12!, {r4-r11}
    ldmia r12!, {r2, lr}
    mov sp, r2
#ifdef __ARM_PCS_VFP
    add r12, r12, #8
    vldmia r12, {d8-d15}
#endif
    bx lr
END(em_jump)

    /* TLS descriptors: r0 points to {argument, entry}, the answer in r0 is an offset from the thread pointer;
     * besides r0 only r1, lr and the flags may change. */
FUNCTION(__emu_tlsdesc_static)
    ldr r0, [r0]
    bx lr
END(__emu_tlsdesc_static)

FUNCTION(__emu_tlsdesc_undefweak)
    ldr r0, [r0]
    mrc p15, 0, r1, c13, c0, 3
    sub r0, r0, r1
    bx lr
END(__emu_tlsdesc_undefweak)

FUNCTION(__emu_tlsdesc_dynamic)
    push {r2, r3, r4, lr}
    ldr r0, [r0]                /* {module, offset} */
    mrc p15, 0, r4, c13, c0, 3
    ldr r1, [r4]                /* dtv */
    ldr r2, [r0]
    ldr r3, [r1]
    cmp r2, r3
    bhs 1f
    ldr r2, [r1, r2, lsl #2]
    cmp r2, #0
    beq 1f
    ldr r0, [r0, #4]
    add r0, r0, r2
    sub r0, r0, r4
    pop {r2, r3, r4, pc}
1:  push {r11, r12}
#ifdef __ARM_PCS_VFP
    vpush {d0-d7}
    vpush {d16-d31}
    vmrs r1, fpscr
    push {r1, r2}
#endif
    bl __tls_get_addr
#ifdef __ARM_PCS_VFP
    pop {r1, r2}
    vmsr fpscr, r1
    vpop {d16-d31}
    vpop {d0-d7}
#endif
    pop {r11, r12}
    sub r0, r0, r4
    pop {r2, r3, r4, pc}
END(__emu_tlsdesc_dynamic)

    /* A PLT entry's first call: the stack holds the caller's return address, ip is the slot's address, lr that of GOT[2],
     * whose neighbour is the link map. All argument registers go on to the function (AAELF32, "PLT sequences"). */
FUNCTION(__emu_lazy_resolve)
    push {r0-r4}                /* r4 for the alignment */
#ifdef __ARM_PCS_VFP
    vpush {d0-d7}
#endif
    ldr r0, [lr, #-4]
    sub r1, r12, lr
    sub r1, r1, #4
    lsr r1, r1, #2
    bl em_bind
    mov r12, r0
#ifdef __ARM_PCS_VFP
    vpop {d0-d7}
#endif
    pop {r0-r4, lr}
    bx r12
END(__emu_lazy_resolve)

    .section .note.GNU-stack, "", %progbits
