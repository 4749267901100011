/* Shared by the files about threads. */
#ifndef EMULOAD_THREAD_H
#define EMULOAD_THREAD_H

#include <pthread.h>
#include "timeconv.h"

/* The content of pthread_attr_t: 36 bytes on 32-bit ABIs, 56 on the others (musl's and glibc's smallest). */
struct attributes {
    int flags;
    int policy, priority;
    size_t guard;
    char *stack;          /* lowest byte, with HAS_STACK */
    size_t stack_size;    /* 0: the default */
    uint64_t *mask;       /* with HAS_MASK: on the heap */
};
enum { DETACHED = 1, EXPLICIT_SCHED = 2, PROCESS_SCOPE = 4, HAS_STACK = 8, HAS_MASK = 16 };
_Static_assert(sizeof(struct attributes) <= (sizeof(long) == 8 ? 56 : 36), "the object must hold it");

#define PAGE 4096UL
enum { SIGCANCEL = 32 };

extern HIDDEN int em_threads_lock;             /* guards the list, state, exited */
extern HIDDEN struct thread *em_threads;       /* the main thread first */
extern HIDDEN int em_thread_count;
HIDDEN size_t em_default_stack(void);
HIDDEN int em_thread_known(struct thread *t);  /* with the lock held */
HIDDEN void em_block_signals(uint64_t *old);
HIDDEN void em_restore_signals(const uint64_t *old);
struct tls_index { unsigned long module, offset; };
void *__tls_get_addr(struct tls_index *index);
HIDDEN void em_tls_thread_free(struct thread *t);
HIDDEN void *em_tls_keep(size_t size);         /* memory, all zero, that goes with the calling thread */
HIDDEN NORETURN void em_thread_finish(struct thread *self);

long em_clone(long flags, void *stack, int *parent_tid, void *tp, int *child_tid, void (*fn)(void *), void *argument);
NORETURN void em_unmap_and_exit(void *mapping, size_t size);

#endif
