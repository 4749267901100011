// The call through a descriptor leaves every register alone but the result (and on ARM r1, ip, lr): general ones on the slow
// path too, which a thread takes once; floating-point ones on the fast path at least, where glibc before 2.40 keeps them.
#include "behaviour.h"
//= targets amd64-gnu armv7-gnueabihf arm64-gnu
//= libx.so cc=gcc
__thread int large[5000] = {[1] = 9};
long vectors;
#if defined(__x86_64__)
__asm__(".text\n.globl checked\n.type checked,@function\nchecked:\n push %rbx\n"
        " mov $1,%edi\n mov $2,%esi\n mov $3,%edx\n mov $4,%ecx\n mov $5,%r8d\n mov $6,%r9d\n mov $7,%r10d\n mov $8,%r11d\n"
        " movq %rdi,%xmm0\n movq %rsi,%xmm1\n movq %rdx,%xmm7\n movq %rcx,%xmm15\n"
        " lea large@tlsdesc(%rip),%rax\n call *large@tlscall(%rax)\n add %fs:0,%rax\n mov %rax,%rbx\n"
        " lea (%rdi,%rsi,2),%rax\n lea (%rax,%rdx,4),%rax\n lea (%rax,%rcx,8),%rax\n"
        " shl $8,%r8\n add %r8,%rax\n shl $12,%r9\n add %r9,%rax\n shl $16,%r10\n add %r10,%rax\n shl $20,%r11\n add %r11,%rax\n"
        " movq %xmm0,%rcx\n movq %xmm1,%rdx\n lea (%rcx,%rdx,4),%rcx\n movq %xmm7,%rdx\n shl $8,%rdx\n add %rdx,%rcx\n"
        " movq %xmm15,%rdx\n shl $12,%rdx\n add %rdx,%rcx\n mov vectors@GOTPCREL(%rip),%rdx\n mov %rcx,(%rdx)\n"
        " mov 4(%rbx),%ecx\n shl $24,%rcx\n add %rcx,%rax\n pop %rbx\n ret\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl checked\n.type checked,%function\nchecked:\n stp x29,x30,[sp,#-16]!\n"
        " mov x1,#1\n mov x2,#2\n mov x3,#3\n mov x9,#4\n mov x15,#5\n mov x17,#6\n mov x18,#7\n"
        " fmov d0,x1\n fmov d7,x2\n fmov d16,x3\n fmov d31,x9\n"
        " adrp x0,:tlsdesc:large\n ldr x16,[x0,#:tlsdesc_lo12:large]\n add x0,x0,:tlsdesc_lo12:large\n .tlsdesccall large\n blr x16\n"
        " mrs x16,tpidr_el0\n add x16,x16,x0\n"
        " add x0,x1,x2,lsl #2\n add x0,x0,x3,lsl #4\n add x0,x0,x9,lsl #8\n add x0,x0,x15,lsl #12\n add x0,x0,x17,lsl #16\n add x0,x0,x18,lsl #20\n"
        " fmov x1,d0\n fmov x2,d7\n add x1,x1,x2,lsl #4\n fmov x2,d16\n add x1,x1,x2,lsl #8\n fmov x2,d31\n add x1,x1,x2,lsl #12\n"
        " adrp x2,:got:vectors\n ldr x2,[x2,#:got_lo12:vectors]\n str x1,[x2]\n"
        " ldr w1,[x16,#4]\n add x0,x0,x1,lsl #24\n ldp x29,x30,[sp],#16\n ret\n");
#else
__asm__(".text\n.globl checked\n.type checked,%function\n.arm\n.fpu vfpv3\nchecked:\n push {r4-r9,lr}\n sub sp,sp,#4\n"
        " mov r2,#2\n mov r3,#3\n mov r12,#4\n mov r4,#5\n vmov s0,r2\n vmov s14,r3\n vmov d16,r12,r4\n"
        " ldr r0,2f\n1: bl large(tlscall)\n"
        " mov r5,r0\n mov r6,r12\n mov r7,r2\n mov r8,r3\n mrc p15,0,r9,c13,c0,3\n add r5,r5,r9\n"
        " add r0,r7,r8,lsl #4\n add r0,r0,r4,lsl #12\n ldr r1,[r5,#4]\n add r0,r0,r1,lsl #24\n"
        " vmov r1,s0\n vmov r2,s14\n add r1,r1,r2,lsl #4\n vmov r2,r3,d16\n add r1,r1,r2,lsl #8\n add r1,r1,r3,lsl #12\n"
        " ldr r2,4f\n3: add r2,pc,r2\n ldr r3,5f\n ldr r2,[r2,r3]\n str r1,[r2]\n add sp,sp,#4\n pop {r4-r9,pc}\n"
        "2: .word large(tlsdesc)+(.-1b)\n4: .word _GLOBAL_OFFSET_TABLE_-(3b+8)\n5: .word vectors(GOT)\n");
#endif
//= main
static long (*checked)(void), *vectors;
static void *use(void *slow) {
    SAY("%lx\n", checked());
    if (slow) SAY("%lx\n", *vectors);
    SAY("%lx", checked());
    SAY(" %lx\n", *vectors);
    return slow;
}
int main(int argc, char **argv) {
    void *x = must_open("./libx.so", RTLD_NOW), *slow = argc > 1 ? argv[1] : 0;
    checked = dlsym(x, "checked");
    vectors = dlsym(x, "vectors");
    use(slow);
    in_thread(use, slow);
}
