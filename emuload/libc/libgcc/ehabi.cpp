/* LLVM's unwinder for ARM's own tables, from ziglang's copy, with GNU's way of going on after a cleanup.
 *
 * g++'s cleanups end in libstdc++'s __cxa_end_cleanup, which calls _Unwind_Resume and has no unwind table itself. LLVM's
 * _Unwind_Resume expects a caller with one. GNU's takes the registers as they are, and as pc the call in the frame that was
 * cleaned up, which the unwinder noted (EHABI, 7.4.6; GCC unwind-arm-common.inc). So that frame is made the caller here. */
#include <stddef.h>

#define _Unwind_Resume __llvm_Unwind_Resume
#include "Unwind-EHABI.cpp"
#undef _Unwind_Resume

#if defined(_LIBUNWIND_ARM_EHABI)
extern "C" __attribute__((naked, visibility("default"))) void _Unwind_Resume(_Unwind_Exception *) {
    __asm__("ldr r12, [r0, %0]\n\t"   /* a forced unwinding has a stop function there, and notes no pc */
            "cmp r12, #0\n\t"
            "ldreq lr, [r0, %1]\n\t"
            "b __llvm_Unwind_Resume"
            : : "i"(offsetof(_Unwind_Exception, unwinder_cache.reserved1)), "i"(offsetof(_Unwind_Exception, unwinder_cache.reserved2)));
}
#endif
