/* Code that needs registers by name on AArch64: process entry, clone, thread end, cancellable calls, signal return,
 * setjmp, TLS descriptors. AAPCS64 (IHI 0055), section 5.1; TLS descriptors: ELF for AArch64 (IHI 0056), "TLS descriptors". */
    .text

#define FUNCTION(name) .globl name; .type name, %function; .p2align 2; name: .cfi_startproc
#define HIDDEN_FUNCTION(name) .hidden name; FUNCTION(name)
#define END(name) .cfi_endproc; .size name, . - name

FUNCTION(__emu_start)
    .cfi_undefined x30
    mov x29, #0
    mov x30, #0
    mov x19, sp
    mov x0, sp
    bl em_start
    mov x16, x0
    mov sp, x19
    adrp x0, em_finish
    add x0, x0, :lo12:em_finish
    mov x30, #0
    br x16
END(__emu_start)

    /* long em_clone(flags, stack, int *parent_tid, tp, int *child_tid, fn, argument) */
HIDDEN_FUNCTION(em_clone)
    and x1, x1, #-16
    stp x5, x6, [x1, #-16]!
    mov x8, #220
    svc 0
    cbz x0, 1f
    ret
1:  .cfi_undefined x30
    mov x29, #0
    mov x30, #0
    ldp x1, x0, [sp], #16
    blr x1
    brk #0
END(em_clone)

HIDDEN_FUNCTION(em_unmap_and_exit)
    .cfi_undefined x30
    mov x8, #215
    svc 0
    mov x0, #0
    mov x8, #93
    svc 0
    brk #0
END(em_unmap_and_exit)

    .hidden em_cp_begin, em_cp_end, em_cp_cancelled
    .globl em_cp_begin, em_cp_end, em_cp_cancelled
HIDDEN_FUNCTION(em_cancellable_asm)
em_cp_begin:
    ldr w9, [x0]
    cbnz w9, em_cp_cancelled
    mov x8, x1
    mov x0, x2
    mov x1, x3
    mov x2, x4
    mov x3, x5
    mov x4, x6
    mov x5, x7
    svc 0
em_cp_end:
    ret
em_cp_cancelled:
    mov x0, #-125               /* -ECANCELED */
    ret
END(em_cancellable_asm)

    /* Without an unwind table, as in the kernel's vDSO: unwinders know a signal frame by these two instructions. The nop keeps
     * the table of the function before away from the byte before them. */
    .p2align 4
    nop
    .hidden em_signal_return
    .globl em_signal_return
    .type em_signal_return, %function
em_signal_return:
    mov x8, #139
    svc 0
    brk #0
    .size em_signal_return, . - em_signal_return

    /* x19-x30, sp, d8-d15: 22 words, glibc's and musl's size of __jmp_buf. */
FUNCTION(_setjmp)
    mov w1, #0
    b __sigsetjmp
END(_setjmp)
FUNCTION(setjmp)
    mov w1, #0
    b __sigsetjmp
END(setjmp)
    .globl sigsetjmp, __sigsetjmp_cancel
    .type sigsetjmp, %function
    .type __sigsetjmp_cancel, %function
FUNCTION(__sigsetjmp)
sigsetjmp:
__sigsetjmp_cancel:
    stp x19, x20, [x0]
    stp x21, x22, [x0, #16]
    stp x23, x24, [x0, #32]
    stp x25, x26, [x0, #48]
    stp x27, x28, [x0, #64]
    stp x29, x30, [x0, #80]
    mov x2, sp
    str x2, [x0, #96]
    stp d8, d9, [x0, #112]
    stp d10, d11, [x0, #128]
    stp d12, d13, [x0, #144]
    stp d14, d15, [x0, #160]
    b em_save_mask
END(__sigsetjmp)

HIDDEN_FUNCTION(em_jump)
    ldp x19, x20, [x0]
    ldp x21, x22, [x0, #16]
    ldp x23, x24, [x0, #32]
    ldp x25, x26, [x0, #48]
    ldp x27, x28, [x0, #64]
    ldp x29, x30, [x0, #80]
    ldr x2, [x0, #96]
    mov sp, x2
    ldp d8, d9, [x0, #112]
    ldp d10, d11, [x0, #128]
    ldp d12, d13, [x0, #144]
    ldp d14, d15, [x0, #160]
    mov w0, w1
    ret
END(em_jump)

    /* TLS descriptors: x0 points to {entry, argument}, the answer in x0 is an offset from tpidr_el0; nothing else changes. */
FUNCTION(__emu_tlsdesc_static)
    ldr x0, [x0, #8]
    ret
END(__emu_tlsdesc_static)

FUNCTION(__emu_tlsdesc_undefweak)
    stp x1, x2, [sp, #-16]!
    .cfi_adjust_cfa_offset 16
    mrs x1, tpidr_el0
    ldr x0, [x0, #8]
    sub x0, x0, x1
    ldp x1, x2, [sp], #16
    .cfi_adjust_cfa_offset -16
    ret
END(__emu_tlsdesc_undefweak)

FUNCTION(__emu_tlsdesc_dynamic)
    stp x1, x2, [sp, #-32]!
    .cfi_adjust_cfa_offset 32
    stp x3, x4, [sp, #16]
    ldr x0, [x0, #8]            /* {module, offset} */
    mrs x4, tpidr_el0
    ldr x1, [x4]                /* dtv */
    ldr x2, [x0]
    ldr x3, [x1]
    cmp x2, x3
    b.hs 1f
    ldr x2, [x1, x2, lsl #3]
    cbz x2, 1f
    ldr x0, [x0, #8]
    add x0, x0, x2
    sub x0, x0, x4
2:  ldp x3, x4, [sp, #16]
    ldp x1, x2, [sp], #32
    .cfi_adjust_cfa_offset -32
    ret
1:  .cfi_adjust_cfa_offset 32
    sub sp, sp, #640
    .cfi_adjust_cfa_offset 640
    stp x29, x30, [sp]
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    mov x29, sp
    stp x5, x6, [sp, #16]
    stp x7, x8, [sp, #32]
    stp x9, x10, [sp, #48]
    stp x11, x12, [sp, #64]
    stp x13, x14, [sp, #80]
    stp x15, x16, [sp, #96]
    stp x17, x18, [sp, #112]
    stp q0, q1, [sp, #128]
    stp q2, q3, [sp, #160]
    stp q4, q5, [sp, #192]
    stp q6, q7, [sp, #224]
    stp q8, q9, [sp, #256]
    stp q10, q11, [sp, #288]
    stp q12, q13, [sp, #320]
    stp q14, q15, [sp, #352]
    stp q16, q17, [sp, #384]
    stp q18, q19, [sp, #416]
    stp q20, q21, [sp, #448]
    stp q22, q23, [sp, #480]
    stp q24, q25, [sp, #512]
    stp q26, q27, [sp, #544]
    stp q28, q29, [sp, #576]
    stp q30, q31, [sp, #608]
    bl __tls_get_addr
    mrs x1, tpidr_el0
    sub x0, x0, x1
    ldp q0, q1, [sp, #128]
    ldp q2, q3, [sp, #160]
    ldp q4, q5, [sp, #192]
    ldp q6, q7, [sp, #224]
    ldp q8, q9, [sp, #256]
    ldp q10, q11, [sp, #288]
    ldp q12, q13, [sp, #320]
    ldp q14, q15, [sp, #352]
    ldp q16, q17, [sp, #384]
    ldp q18, q19, [sp, #416]
    ldp q20, q21, [sp, #448]
    ldp q22, q23, [sp, #480]
    ldp q24, q25, [sp, #512]
    ldp q26, q27, [sp, #544]
    ldp q28, q29, [sp, #576]
    ldp q30, q31, [sp, #608]
    ldp x5, x6, [sp, #16]
    ldp x7, x8, [sp, #32]
    ldp x9, x10, [sp, #48]
    ldp x11, x12, [sp, #64]
    ldp x13, x14, [sp, #80]
    ldp x15, x16, [sp, #96]
    ldp x17, x18, [sp, #112]
    ldp x29, x30, [sp]
    add sp, sp, #640
    .cfi_adjust_cfa_offset -640
    b 2b
END(__emu_tlsdesc_dynamic)

    /* A PLT entry's first call: the stack holds the slot's address and the caller's return address, x16 is that of GOT[2],
     * whose neighbour is the link map. All argument registers go on to the function (AAELF64, "PLT sequences"). */
FUNCTION(__emu_lazy_resolve)
    .cfi_adjust_cfa_offset 16
    .cfi_rel_offset x30, 8
    sub sp, sp, #208
    .cfi_adjust_cfa_offset 208
    stp x0, x1, [sp]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp q0, q1, [sp, #80]
    stp q2, q3, [sp, #112]
    stp q4, q5, [sp, #144]
    stp q6, q7, [sp, #176]
    ldr x0, [x16, #-8]
    ldr x1, [sp, #208]
    sub x1, x1, x16
    sub x1, x1, #8
    lsr x1, x1, #3
    bl em_bind
    mov x16, x0
    ldp q0, q1, [sp, #80]
    ldp q2, q3, [sp, #112]
    ldp q4, q5, [sp, #144]
    ldp q6, q7, [sp, #176]
    ldp x0, x1, [sp]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    add sp, sp, #208
    .cfi_adjust_cfa_offset -208
    ldp x17, x30, [sp], #16
    .cfi_adjust_cfa_offset -16
    .cfi_restore x30
    br x16
END(__emu_lazy_resolve)

    .section .note.GNU-stack, "", %progbits
