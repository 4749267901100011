/* Code that needs registers by name on amd64: process entry, clone, thread end, cancellable calls, signal return,
 * setjmp, TLS descriptors. System V psABI (amd64), sections 3.2 and 3.4; TLS descriptors: ELF handling for TLS, GNU2. */
    .text

#define FUNCTION(name) .globl name; .type name, @function; .p2align 4; name: .cfi_startproc
#define HIDDEN_FUNCTION(name) .hidden name; FUNCTION(name)
#define END(name) .cfi_endproc; .size name, . - name

    /* The stack is as the kernel leaves it. em_start returns the program's entry, which gets the same stack. */
FUNCTION(__emu_start)
    .cfi_undefined rip
    xor %ebp, %ebp
    mov %rsp, %rbx
    mov %rsp, %rdi
    and $-16, %rsp
    call em_start
    mov %rbx, %rsp
    lea em_finish(%rip), %rdx
    jmp *%rax
END(__emu_start)

    /* long em_clone(flags, stack, int *parent_tid, tp, int *child_tid, fn, argument): the child calls fn(argument). */
HIDDEN_FUNCTION(em_clone)
    mov 8(%rsp), %rax
    and $-16, %rsi
    sub $16, %rsi
    mov %rax, 8(%rsi)
    mov %r9, (%rsi)
    mov %r8, %r10               /* kernel: flags, stack, parent, child, tls */
    mov %rcx, %r8
    mov $56, %eax
    syscall
    test %rax, %rax
    jz 1f
    ret
1:  .cfi_undefined rip
    xor %ebp, %ebp
    pop %rax
    pop %rdi
    call *%rax
    hlt
END(em_clone)

    /* void em_unmap_and_exit(mapping, size): a detached thread gives back the stack it runs on. */
HIDDEN_FUNCTION(em_unmap_and_exit)
    .cfi_undefined rip
    mov $11, %eax
    syscall
    xor %edi, %edi
    mov $60, %eax
    syscall
    hlt
END(em_unmap_and_exit)

    /* long em_cancellable_asm(int *cancel, nr, a, b, c, d, e, f). The signal handler sends a thread found between
     * the labels to em_cp_cancelled. */
    .hidden em_cp_begin, em_cp_end, em_cp_cancelled
    .globl em_cp_begin, em_cp_end, em_cp_cancelled
HIDDEN_FUNCTION(em_cancellable_asm)
em_cp_begin:
    cmpl $0, (%rdi)
    jne em_cp_cancelled
    mov %rsi, %rax
    mov %rdx, %rdi
    mov %rcx, %rsi
    mov %r8, %rdx
    mov %r9, %r10
    mov 8(%rsp), %r8
    mov 16(%rsp), %r9
    syscall
em_cp_end:
    ret
em_cp_cancelled:
    mov $-125, %rax             /* -ECANCELED */
    ret
END(em_cancellable_asm)

    /* The handler's frame returns here, with rsp at the ucontext, whose gregs tell the interrupted registers to an unwinder: the
     * CFA is the saved rsp, each register lies at its place from rsp (glibc libc_sigaction.c does the same). The nop is there
     * because a return address is looked up at the byte before it. */
#define SAVED(number, offset) .cfi_escape 0x10, number, 3, 0x77, (offset) & 0x7f | 0x80, (offset) >> 7
    .p2align 4
    .cfi_startproc
    .cfi_signal_frame
    .cfi_escape 0x0f, 4, 0x77, 160 & 0x7f | 0x80, 160 >> 7, 0x06
    SAVED(8, 40); SAVED(9, 48); SAVED(10, 56); SAVED(11, 64); SAVED(12, 72); SAVED(13, 80); SAVED(14, 88); SAVED(15, 96)
    SAVED(5, 104); SAVED(4, 112); SAVED(6, 120); SAVED(3, 128); SAVED(1, 136); SAVED(0, 144); SAVED(2, 152); SAVED(7, 160)
    SAVED(16, 168)
    nop
    .hidden em_signal_return
    .globl em_signal_return
    .type em_signal_return, @function
em_signal_return:
    mov $15, %eax
    syscall
    hlt
END(em_signal_return)

    /* int __sigsetjmp(jmp_buf, savemask): rbx rbp r12-r15 rsp rip, then what em_save_mask keeps. */
FUNCTION(_setjmp)
    xor %esi, %esi
    jmp __sigsetjmp
END(_setjmp)
FUNCTION(setjmp)
    xor %esi, %esi              /* programs come here by _setjmp, as glibc.s header maps it */
    jmp __sigsetjmp
END(setjmp)
    .globl sigsetjmp, __sigsetjmp_cancel
    .type sigsetjmp, @function
    .type __sigsetjmp_cancel, @function
FUNCTION(__sigsetjmp)
sigsetjmp:
__sigsetjmp_cancel:
    mov %rbx, (%rdi)
    mov %rbp, 8(%rdi)
    mov %r12, 16(%rdi)
    mov %r13, 24(%rdi)
    mov %r14, 32(%rdi)
    mov %r15, 40(%rdi)
    lea 8(%rsp), %rdx
    mov %rdx, 48(%rdi)
    mov (%rsp), %rdx
    mov %rdx, 56(%rdi)
    jmp em_save_mask            /* (buf, savemask) -> 0 */
END(__sigsetjmp)

    /* void em_jump(jmp_buf, value) */
HIDDEN_FUNCTION(em_jump)
    mov %esi, %eax
    mov (%rdi), %rbx
    mov 8(%rdi), %rbp
    mov 16(%rdi), %r12
    mov 24(%rdi), %r13
    mov 32(%rdi), %r14
    mov 40(%rdi), %r15
    mov 48(%rdi), %rsp
    jmp *56(%rdi)
END(em_jump)

    /* TLS descriptors: rax points to {entry, argument}, the answer in rax is an offset from fs:0; nothing else changes. */
FUNCTION(__emu_tlsdesc_static)
    mov 8(%rax), %rax
    ret
END(__emu_tlsdesc_static)

    /* The argument points to {module, offset}. */
FUNCTION(__emu_tlsdesc_dynamic)
    push %rdi
    .cfi_adjust_cfa_offset 8
    push %rsi
    .cfi_adjust_cfa_offset 8
    mov 8(%rax), %rdi
    mov %fs:8, %rsi
    mov (%rdi), %rax
    cmp (%rsi), %rax
    jae 1f
    mov (%rsi,%rax,8), %rax
    test %rax, %rax
    jz 1f
    add 8(%rdi), %rax
    sub %fs:0, %rax
2:  pop %rsi
    .cfi_adjust_cfa_offset -8
    pop %rdi
    .cfi_adjust_cfa_offset -8
    ret
1:  .cfi_adjust_cfa_offset 16
    push %rbp
    mov %rsp, %rbp
    push %rdx
    push %rcx
    push %r8
    push %r9
    push %r10
    push %r11
    sub $256, %rsp
    and $-16, %rsp
    movaps %xmm0, (%rsp)
    movaps %xmm1, 16(%rsp)
    movaps %xmm2, 32(%rsp)
    movaps %xmm3, 48(%rsp)
    movaps %xmm4, 64(%rsp)
    movaps %xmm5, 80(%rsp)
    movaps %xmm6, 96(%rsp)
    movaps %xmm7, 112(%rsp)
    movaps %xmm8, 128(%rsp)
    movaps %xmm9, 144(%rsp)
    movaps %xmm10, 160(%rsp)
    movaps %xmm11, 176(%rsp)
    movaps %xmm12, 192(%rsp)
    movaps %xmm13, 208(%rsp)
    movaps %xmm14, 224(%rsp)
    movaps %xmm15, 240(%rsp)
    call __tls_get_addr
    sub %fs:0, %rax
    movaps (%rsp), %xmm0
    movaps 16(%rsp), %xmm1
    movaps 32(%rsp), %xmm2
    movaps 48(%rsp), %xmm3
    movaps 64(%rsp), %xmm4
    movaps 80(%rsp), %xmm5
    movaps 96(%rsp), %xmm6
    movaps 112(%rsp), %xmm7
    movaps 128(%rsp), %xmm8
    movaps 144(%rsp), %xmm9
    movaps 160(%rsp), %xmm10
    movaps 176(%rsp), %xmm11
    movaps 192(%rsp), %xmm12
    movaps 208(%rsp), %xmm13
    movaps 224(%rsp), %xmm14
    movaps 240(%rsp), %xmm15
    lea -48(%rbp), %rsp
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rcx
    pop %rdx
    pop %rbp
    jmp 2b
END(__emu_tlsdesc_dynamic)

    /* An undefined weak function of a TLS symbol: address 0 whatever the thread pointer. */
FUNCTION(__emu_tlsdesc_undefweak)
    mov 8(%rax), %rax
    sub %fs:0, %rax
    ret
END(__emu_tlsdesc_undefweak)

    /* A PLT entry's first call: the stack holds link map, index, and the caller's return address. Every register but r11,
     * which PLT code may use, goes on to the function (psABI, section 5.2, "Procedure Linkage Table"). */
FUNCTION(__emu_lazy_resolve)
    .cfi_adjust_cfa_offset 16
    push %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbx, 0
    mov %rsp, %rbx
    .cfi_def_cfa_register rbx
    sub $576, %rsp
    and $-64, %rsp
    fxsave64 (%rsp)
    mov %rax, 512(%rsp)
    mov %rcx, 520(%rsp)
    mov %rdx, 528(%rsp)
    mov %rsi, 536(%rsp)
    mov %rdi, 544(%rsp)
    mov %r8, 552(%rsp)
    mov %r9, 560(%rsp)
    mov %r10, 568(%rsp)
    mov 8(%rbx), %rdi
    mov 16(%rbx), %rsi
    call em_bind
    mov %rax, %r11
    fxrstor64 (%rsp)
    mov 512(%rsp), %rax
    mov 520(%rsp), %rcx
    mov 528(%rsp), %rdx
    mov 536(%rsp), %rsi
    mov 544(%rsp), %rdi
    mov 552(%rsp), %r8
    mov 560(%rsp), %r9
    mov 568(%rsp), %r10
    mov %rbx, %rsp
    .cfi_def_cfa_register rsp
    pop %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbx
    add $16, %rsp
    .cfi_adjust_cfa_offset -16
    jmp *%r11
END(__emu_lazy_resolve)

    .section .note.GNU-stack, "", @progbits
