/* LLVM's unwinder for ARM's own tables, from ziglang's copy, with GNU's way of going on after a cleanup.
 *
 * g++'s cleanups end in libstdc++'s __cxa_end_cleanup, which calls _Unwind_Resume and has no unwind table itself. LLVM's
 * _Unwind_Resume expects a caller with one. GNU's takes the registers as they are, and as pc the call in the frame that was
 * cleaned up, which the unwinder noted (EHABI, 7.4.6; GCC unwind-arm-common.inc). So that frame is made the caller here. Forced
 * unwinding, which notes no pc in LLVM's, is here as a whole. */
#include <stddef.h>

#define _Unwind_Resume __llvm_Unwind_Resume
#define _Unwind_ForcedUnwind __llvm_Unwind_ForcedUnwind
#include "Unwind-EHABI.cpp"
#undef _Unwind_Resume
#undef _Unwind_ForcedUnwind

#if defined(_LIBUNWIND_ARM_EHABI)
/* One frame after the other: the stop function, then the personality routine, which unwinds the frame or has it cleaned up. */
static _Unwind_Reason_Code force(unw_cursor_t *cursor, _Unwind_Exception *exception) {
    _Unwind_Stop_Fn stop = (_Unwind_Stop_Fn)exception->unwinder_cache.reserved1;
    void *parameter = (void *)exception->unwinder_cache.reserved3;
    _Unwind_Context *context = (_Unwind_Context *)cursor;
    for (bool end = false;;) {
        unw_proc_info_t frame;
        end = end || __unw_get_proc_info(cursor, &frame) != UNW_ESUCCESS || !frame.handler;
        _Unwind_Action action = (_Unwind_Action)(_UA_FORCE_UNWIND | _UA_CLEANUP_PHASE | (end ? _UA_END_OF_STACK : 0));
        if (stop(1, action, exception->exception_class, exception, context, parameter) != _URC_NO_REASON)
            return _URC_FATAL_PHASE2_ERROR;
        if (end) return _URC_END_OF_STACK;
        exception->pr_cache.fnstart = frame.start_ip;
        exception->pr_cache.ehtp = (_Unwind_EHT_Header *)frame.unwind_info;
        exception->pr_cache.additional = frame.flags;
        unw_word_t pc;
        __unw_get_reg(cursor, UNW_REG_IP, &pc);
        exception->unwinder_cache.reserved2 = (uint32_t)pc;
        _Unwind_Personality_Fn personality = (_Unwind_Personality_Fn)(uintptr_t)frame.handler;
        switch (personality(_US_FORCE_UNWIND | _US_UNWIND_FRAME_STARTING, exception, context)) {
        case _URC_CONTINUE_UNWIND: break;
        case _URC_INSTALL_CONTEXT: __unw_resume(cursor); return _URC_FATAL_PHASE2_ERROR;
        default: end = true;
        }
    }
}

extern "C" __attribute__((noinline, visibility("default"))) _Unwind_Reason_Code
_Unwind_ForcedUnwind(_Unwind_Exception *exception, _Unwind_Stop_Fn stop, void *parameter) {
    unw_context_t registers;
    unw_cursor_t cursor;
    __unw_getcontext(&registers);
    exception->unwinder_cache.reserved1 = (uintptr_t)stop;
    exception->unwinder_cache.reserved3 = (uintptr_t)parameter;
    __unw_init_local(&cursor, &registers);
    return force(&cursor, exception);
}

/* Its caller is the frame that was cleaned up, at the call: it goes on with the frame above that. */
extern "C" __attribute__((noinline, used, visibility("hidden"))) void __emu_resume_forced(_Unwind_Exception *exception) {
    unw_context_t registers;
    unw_cursor_t cursor;
    __unw_getcontext(&registers);
    __unw_init_local(&cursor, &registers);
    __unw_step(&cursor);
    __unw_step(&cursor);
    force(&cursor, exception);
    _LIBUNWIND_ABORT("a forced unwinding came to an end");
}

extern "C" __attribute__((naked, visibility("default"))) void _Unwind_Resume(_Unwind_Exception *) {
    __asm__("ldr r12, [r0, %0]\n\t"   /* the stop function of a forced unwinding */
            "ldr lr, [r0, %1]\n\t"
            "cmp r12, #0\n\t"
            "beq __llvm_Unwind_Resume\n\t"
            "b __emu_resume_forced"
            : : "i"(offsetof(_Unwind_Exception, unwinder_cache.reserved1)), "i"(offsetof(_Unwind_Exception, unwinder_cache.reserved2)));
}
#endif
