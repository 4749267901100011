/* Thread-local storage of modules that a thread has not looked for yet (ELF Handling For Thread-Local Storage, section 3).
 *
 * The DTV is in guest memory: fs:8 on amd64, the word at the thread pointer on ARM and AArch64. dtv[0] is the
 * number of its words, dtv[m] the address of module m's block, 0 when the thread has none yet.
 * A dynamic TLS descriptor's argument is the address of a struct tls_index. */
#include <asm/unistd.h>
#include "thread.h"

/* Memory allocated here for one thread: blocks, and DTVs it grew out of the host's. */
struct em_tls_block { struct em_tls_block *next; void *memory; };

static inline uintptr_t **dtv_slot(struct thread *self) {
#if defined(__x86_64__)
    return (uintptr_t **)&self->dtv;
#else
    return em_thread_pointer(self);
#endif
}

static void *keep(struct thread *self, size_t align, size_t size) {
    struct em_tls_block *b = em_malloc(sizeof *b);
    void *memory = em_memalign(align, size);
    if (!b || !memory) em_fatal("cannot allocate memory for thread-local data: ABORT\n");
    *b = (struct em_tls_block){self->tls_blocks, memory};
    self->tls_blocks = b;
    return memory;
}

static __attribute__((noinline)) void *allocate(struct thread *self, unsigned long module) {
    struct em_tls_module m;
    if (EM_TLS_GET(module, &m) < 0) em_fatal("thread-local data of a module that is not loaded\n");
    uintptr_t *dtv = *dtv_slot(self);
    if (module >= dtv[0]) {
        size_t room = module + 16;
        uintptr_t *wider = keep(self, sizeof(uintptr_t), room * sizeof(uintptr_t));
        wider[0] = room;
        for (size_t i = 1; i < room; i++) wider[i] = i < dtv[0] ? dtv[i] : 0;
        *dtv_slot(self) = dtv = wider;
    }
    if (m.place) return (void *)(dtv[module] = m.place);
    size_t align = m.align < 16 ? 16 : m.align;
    char *block = keep(self, align, m.size ? m.size : 1);
    const char *image = (const char *)m.image;
    for (size_t i = 0; i < m.size; i++) block[i] = i < m.image_size ? image[i] : 0;
    dtv[module] = (uintptr_t)block;
    return block;
}

HIDDEN void *em_tls_keep(size_t size) {
    char *memory = keep(em_self(), 16, size);
    for (size_t i = 0; i < size; i++) memory[i] = 0;
    return memory;
}

EXPORT void *__tls_get_addr(struct tls_index *index) {
    struct thread *self = em_self();
    uintptr_t *dtv = *dtv_slot(self);
    if (LIKELY(index->module < dtv[0] && dtv[index->module])) return (char *)dtv[index->module] + index->offset;
    return (char *)allocate(self, index->module) + index->offset;
}

HIDDEN void *em_tls_block(unsigned long module) {
    uintptr_t *dtv = *dtv_slot(em_self());
    return module < dtv[0] ? (void *)dtv[module] : 0;
}

HIDDEN void em_tls_thread_free(struct thread *t) {
    for (struct em_tls_block *b; (b = t->tls_blocks) != 0;) {
        t->tls_blocks = b->next;
        em_free(b->memory);
        em_free(b);
    }
    em_free(t->dl_error);
    t->dl_error = 0;
}
