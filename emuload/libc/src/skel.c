#include "internal.h"
EXPORT int __emu_tcb_size = sizeof(struct thread);
EXPORT int *__errno_location(void) { return &em_self()->err; }
EXPORT void __emu_start(void) { EM_EVENT(EM_ABORT, 0, 0, 0, 0); for (;;) EM_IDLE(); }
HIDDEN NORETURN void em_fatal(const char *text) { for (;;) EM_IDLE(); }
