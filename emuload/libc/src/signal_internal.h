#ifndef EMULOAD_SIGNAL_INTERNAL_H
#define EMULOAD_SIGNAL_INTERNAL_H
#include "internal.h"

/* The kernel's struct sigaction (all three machines have the restorer). */
struct em_sigaction { void *handler; unsigned long flags; void *restorer; uint64_t mask __attribute__((packed, aligned(4))); };

/* rt_sigaction with this library's restorer filled in: 0 or -errno. */
HIDDEN long em_sigaction(int signal, struct em_sigaction *action, struct em_sigaction *old);
#endif
