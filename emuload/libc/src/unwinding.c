/* What exceptions need of this library's own frames. The unwinder itself is libgcc_s.so.1. */
#include "thread.h"

enum { URC_OK = 0, URC_CONTINUE_UNWIND = 8, URC_FAILURE = 9 };   /* _Unwind_Reason_Code */

static void clean_up(void) {
    struct em_cleanup *c = em_self()->cleanup;
    em_self()->cleanup = c->next;
    c->routine(c->argument);
}

#if defined(__arm__)
/* A personality routine of EHABI (IHI 0038, 9.2) unwinds its frame itself, for which the unwinder has a function that is no part
 * of the ABI: it is asked of the library that calls. */
enum { US_ACTION_MASK = 3, US_UNWIND_FRAME_STARTING = 1 };

HIDDEN int em_cleanup_personality(int state, void *exception, void *context) {
    struct em_dl_object unwinder;
    struct em_symbol step;
    if (EM_DL_FIND(__builtin_return_address(0), &unwinder) <= 0) return URC_FAILURE;
    if (EM_DL_SYM(unwinder.link_map, "__gnu_unwind_frame", 0, 0, &step) != EM_FOUND_ADDRESS) return URC_FAILURE;
    if ((state & US_ACTION_MASK) == US_UNWIND_FRAME_STARTING) clean_up();
    return ((int (*)(void *, void *))step.address)(exception, context) == URC_OK ? URC_CONTINUE_UNWIND : URC_FAILURE;
}
#else
/* A personality routine of the Itanium C++ ABI, Exception Handling, 2.5.2. */
enum { UA_CLEANUP_PHASE = 2 };

HIDDEN int em_cleanup_personality(int version, int actions, uint64_t class, void *exception, void *context) {
    if (actions & UA_CLEANUP_PHASE) clean_up();
    return URC_CONTINUE_UNWIND;
}
#endif
