/* stdlib.h and malloc.h: the heap.
 *
 * Boundary tags (Knuth, The Art of Computer Programming 2.5), in the shape programs on Linux know:
 *
 *     chunk ──► [ size of the chunk before, when that is free ]
 *               [ size of this chunk | PREVIOUS_USED | MAPPED ]
 *     user  ──► [ payload …                                   ]  reaches one word into the next chunk
 *
 * Payloads are aligned to two words and the smallest chunk is four words, so malloc_usable_size(malloc(1))
 * is 24 on 64-bit machines as on glibc. A chunk just freed goes to a short quick list of its size, still
 * marked used, and is what the next malloc of that size gets; what overflows is merged with its
 * neighbours and kept in bins. The last chunk before the break is the top; it grows by brk, or by mmap
 * where brk cannot. Requests from `mapping_from` bytes on get a mapping of their own.
 * One lock guards all. Addresses depend on the sequence of requests only. */
#include "lib.h"
#include <sys/mman.h>

struct chunk {
    size_t previous_size; /* of a mapped chunk: bytes between the mapping's start and the chunk */
    size_t head;
    struct chunk *next, *previous; /* in a bin; in a quick list next, and the list's address as mark */
};

enum {
    PREVIOUS_USED = 1, MAPPED = 2, FLAGS = 7,
    ALIGNMENT = 2 * WORD, HEADER = 2 * WORD, SMALLEST = 4 * WORD,
    QUICK_BINS = 64, QUICK_DEPTH = 7,
    SMALL_BINS = 64, BINS = 192,
    PAGE = 4096, GROW_BY = 128 << 10, SEGMENT = 1 << 20,
};
#define LARGEST_MAPPING_FROM ((size_t)4 << (WORD == 8 ? 23 : 17)) /* 32 MiB; 512 KiB */
#define LARGEST_REQUEST ((size_t)PTRDIFF_MAX - (64 << 10))

static int lock;
static struct chunk *quick[QUICK_BINS];
static uint8_t quick_count[QUICK_BINS];
static struct chunk *bins[BINS];
static uint32_t bin_used[BINS / 32];
static struct chunk *top;
static char *top_end;             /* end of the top's segment */
static char *clean;               /* from here to top_end memory is zero as the kernel gave it */
static size_t mapping_from = 128 << 10;
static size_t trim_from = 128 << 10;

static inline size_t size_of(const struct chunk *c) { return c->head & ~(size_t)FLAGS; }
static inline struct chunk *at(const void *c, size_t offset) { return (struct chunk *)((char *)c + offset); }
static inline struct chunk *before(const void *c, size_t offset) { return (struct chunk *)((char *)c - offset); }
static inline void *payload(struct chunk *c) { return (char *)c + HEADER; }
static inline struct chunk *chunk_of(const void *p) { return before(p, HEADER); }
static inline size_t round_up(size_t n, size_t unit) { return (n + unit - 1) & ~(unit - 1); }
static inline size_t chunk_size(size_t request) {
    size_t size = round_up(request + WORD, ALIGNMENT);
    return size < SMALLEST ? SMALLEST : size;
}

static NORETURN void heap_error(const char *message) {
    em_unlock(&lock);
    em_fatal(message);
}

/* -- bins ------------------------------------------------------------------------------------ */

/* Exact sizes first, then four bins for each power of two. */
static unsigned bin_of(size_t size) {
    if (size < SMALL_BINS * ALIGNMENT) return (unsigned)(size / ALIGNMENT);
    unsigned log = (unsigned)(sizeof(long) * 8 - 1) - (unsigned)__builtin_clzl(size);
    unsigned first = WORD == 8 ? 10 : 9;
    unsigned bin = SMALL_BINS + (log - first) * 4 + (unsigned)(size >> (log - 2) & 3);
    return bin < BINS ? bin : BINS - 1;
}

static void insert(struct chunk *c, size_t size) {
    unsigned bin = bin_of(size);
    struct chunk *first = bins[bin];
    c->head = size | PREVIOUS_USED;
    at(c, size)->previous_size = size;
    if (first) {
        c->next = first;
        c->previous = first->previous;
        c->previous->next = c;
        first->previous = c;
    } else {
        c->next = c->previous = bins[bin] = c;
        bin_used[bin / 32] |= 1u << bin % 32;
    }
}

static void take_out(struct chunk *c) {
    size_t size = size_of(c);
    if (at(c, size)->previous_size != size) heap_error("corrupted size vs. prev_size\n");
    if (c->next->previous != c || c->previous->next != c) heap_error("corrupted double-linked list\n");
    unsigned bin = bin_of(size);
    if (c->next == c) {
        bins[bin] = NULL;
        bin_used[bin / 32] &= ~(1u << bin % 32);
    } else {
        c->next->previous = c->previous;
        c->previous->next = c->next;
        if (bins[bin] == c) bins[bin] = c->next;
    }
}

static int next_used_bin(unsigned from) {
    for (unsigned i = from / 32; i < BINS / 32; i++) {
        uint32_t bits = bin_used[i];
        if (i == from / 32) bits &= ~0u << from % 32;
        if (bits) return (int)(i * 32 + (unsigned)__builtin_ctz(bits));
    }
    return -1;
}

/* Gives back a chunk that is marked used: merges it with free neighbours, then into the top or a bin. */
static void release(struct chunk *c) {
    size_t size = size_of(c);
    struct chunk *after = at(c, size);
    if (!(c->head & PREVIOUS_USED)) {
        size_t extra = c->previous_size;
        c = before(c, extra);
        if (size_of(c) != extra) heap_error("corrupted size vs. prev_size while consolidating\n");
        take_out(c);
        size += extra;
    }
    if (after == top) {
        size += size_of(top);
        top = c;
        c->head = size | PREVIOUS_USED;
        return;
    }
    size_t after_size = size_of(after);
    if (!(at(after, after_size)->head & PREVIOUS_USED)) {
        take_out(after);
        size += after_size;
    } else {
        after->head &= ~(size_t)PREVIOUS_USED;
    }
    insert(c, size);
}

/* Cuts a used chunk to `size` and gives back the rest when it can be a chunk. */
static void cut(struct chunk *c, size_t size) {
    size_t all = size_of(c);
    if (all - size < SMALLEST) return;
    c->head = size | (c->head & FLAGS);
    struct chunk *rest = at(c, size);
    rest->head = (all - size) | PREVIOUS_USED;
    release(rest);
}

static struct chunk *from_bins(size_t size) {
    unsigned bin = bin_of(size);
    struct chunk *best = NULL;
    if (bin >= SMALL_BINS && bins[bin]) {
        struct chunk *c = bins[bin];
        do {
            if (size_of(c) >= size && (!best || size_of(c) < size_of(best))) best = c;
        } while ((c = c->next) != bins[bin]);
        bin++;
    }
    if (!best) {
        int found = bin < BINS ? next_used_bin(bin) : -1;
        if (found < 0) return NULL;
        best = bins[found];
    }
    take_out(best);
    size_t all = size_of(best), rest = all - size;
    if (rest >= SMALLEST) {
        best->head = size | PREVIOUS_USED;
        insert(at(best, size), rest);
    } else {
        at(best, all)->head |= PREVIOUS_USED;
    }
    return best;
}

/* -- memory from the kernel ------------------------------------------------------------------ */

static bool failed(long address) { return (unsigned long)address > -4096UL; }

static long map_pages(size_t size) {
#ifdef __NR_mmap2
    return em_syscall(__NR_mmap2, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#else
    return em_syscall(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#endif
}

/* The top moves to a new segment: two small used chunks close the old one, and what it had is free memory. */
static void new_top(char *start, size_t size) {
    struct chunk *old = top;
    size_t left = old ? size_of(old) : 0;
    char *aligned = (char *)round_up((uintptr_t)start, ALIGNMENT);
    top = (struct chunk *)aligned;
    top_end = start + size;
    top->head = (size_t)(top_end - aligned) | PREVIOUS_USED;
    clean = aligned + HEADER;
    if (left >= SMALLEST + 2 * HEADER) {
        left -= 2 * HEADER;
        at(old, left)->head = HEADER | PREVIOUS_USED;
        at(old, left + HEADER)->head = HEADER | PREVIOUS_USED;
        old->head = left | (old->head & PREVIOUS_USED);
        release(old);
    }
}

static bool grow_top(size_t size) {
    long end = em_syscall(__NR_brk, 0);
    bool joined = top && (char *)end == top_end;
    size_t wanted = size + SMALLEST + GROW_BY - (joined ? size_of(top) : 0);
    size_t to = round_up((size_t)end + wanted, PAGE);
    if (to > (size_t)end && em_syscall(__NR_brk, to) == (long)to) {
        if (joined) {
            top->head += to - (size_t)end;
            top_end = (char *)to;
        } else {
            new_top((char *)end, to - (size_t)end);
        }
        return true;
    }
    wanted = size + 2 * SMALLEST < SEGMENT ? SEGMENT : round_up(size + 2 * SMALLEST, PAGE);
    long start = map_pages(wanted);
    if (failed(start)) return false;
    new_top((char *)start, wanted);
    return true;
}

static void trim_top(void) {
    size_t spare = size_of(top);
    if (spare < trim_from || (char *)em_syscall(__NR_brk, 0) != top_end) return;
    size_t give = (spare - SMALLEST - GROW_BY) & ~(size_t)(PAGE - 1);
    if (spare < SMALLEST + GROW_BY + PAGE) return;
    char *to = top_end - give;
    if ((char *)em_syscall(__NR_brk, to) != to) return;
    top->head -= give;
    top_end = to;
    if (clean > to) clean = to;
}

static struct chunk *mapped_chunk(size_t size) {
    size_t length = round_up(size + WORD, PAGE);
    long start = map_pages(length);
    if (failed(start)) return NULL;
    struct chunk *c = (struct chunk *)start;
    c->previous_size = 0;
    c->head = length | MAPPED;
    return c;
}

static void empty_quick_lists(void) {
    for (int i = 0; i < QUICK_BINS; i++) {
        while (quick[i]) {
            struct chunk *c = quick[i];
            quick[i] = c->next;
            release(c);
        }
        quick_count[i] = 0;
    }
}

static struct chunk *from_top(size_t size) {
    struct chunk *c = top;
    size_t all = c ? size_of(c) : 0;
    if (all < size + SMALLEST) return NULL;
    if ((char *)c + all != top_end) heap_error("malloc(): corrupted top size\n");
    top = at(c, size);
    top->head = (all - size) | PREVIOUS_USED;
    if ((char *)top + HEADER > clean) clean = (char *)top + HEADER;
    c->head = size | (c->head & PREVIOUS_USED);
    return c;
}

/* A used chunk of at least `size`, with the lock held. */
static struct chunk *allocate(size_t size) {
    struct chunk *c;
    if ((c = from_bins(size)) || (c = from_top(size))) return c;
    if (size >= mapping_from && (c = mapped_chunk(size))) return c;
    if (grow_top(size)) return from_top(size);
    empty_quick_lists();
    if ((c = from_bins(size)) || (c = from_top(size))) return c;
    return mapped_chunk(size);
}

/* -- the functions --------------------------------------------------------------------------- */

static void *no_memory(void) {
    errno = ENOMEM;
    return NULL;
}

static inline bool quickly(size_t size, unsigned *list) {
    *list = (unsigned)(size / ALIGNMENT) - 2;
    return *list < QUICK_BINS;
}

/* A chunk for the request; *zero says whether its payload is known to be zero. */
static struct chunk *obtain(size_t request, bool *zero) {
    *zero = false;
    if (UNLIKELY(request > LARGEST_REQUEST)) return NULL;
    size_t size = chunk_size(request);
    unsigned list;
    struct chunk *c;
    em_lock(&lock);
    if (quickly(size, &list) && quick[list]) {
        c = quick[list];
        quick[list] = c->next;
        quick_count[list]--;
        c->previous = NULL;
    } else {
        char *was_clean = clean;
        c = allocate(size);
        if (c) *zero = c->head & MAPPED || (char *)payload(c) == was_clean;
    }
    em_unlock(&lock);
    return c;
}

HIDDEN void *em_malloc(size_t request) {
    bool zero;
    struct chunk *c = obtain(request, &zero);
    return c ? payload(c) : no_memory();
}

static void free_mapped(struct chunk *c) {
    size_t start = (size_t)c - c->previous_size, length = size_of(c) + c->previous_size;
    if ((start | length) % PAGE) em_fatal("munmap_chunk(): invalid pointer\n");
    if (length > mapping_from && length <= LARGEST_MAPPING_FROM) {
        mapping_from = length; /* a program that maps and unmaps this much again does better with the heap */
        trim_from = 2 * length;
    }
    em_syscall(__NR_munmap, start, length);
}

HIDDEN void em_free(void *p) {
    if (!p) return;
    struct chunk *c = chunk_of(p);
    if ((uintptr_t)p % ALIGNMENT) em_fatal("free(): invalid pointer\n");
    if (c->head & MAPPED) {
        free_mapped(c);
        return;
    }
    size_t size = size_of(c);
    unsigned list;
    if ((uintptr_t)c > -size) em_fatal("free(): invalid pointer\n");
    if (size < SMALLEST || size % ALIGNMENT) em_fatal("free(): invalid size\n");
    em_lock(&lock);
    if (quickly(size, &list)) {
        if (UNLIKELY(c->previous == (struct chunk *)&quick[list]))
            for (struct chunk *seen = quick[list]; seen; seen = seen->next)
                if (seen == c) heap_error("free(): double free detected in tcache 2\n");
        if (quick_count[list] < QUICK_DEPTH) {
            c->next = quick[list];
            c->previous = (struct chunk *)&quick[list];
            quick[list] = c;
            quick_count[list]++;
            em_unlock(&lock);
            return;
        }
    }
    if (c == top) heap_error("double free or corruption (top)\n");
    if (!(at(c, size)->head & PREVIOUS_USED)) heap_error("double free or corruption (!prev)\n");
    if (size_of(at(c, size)) < HEADER) heap_error("free(): invalid next size (normal)\n");
    release(c);
    if (size_of(top) >= trim_from) trim_top();
    em_unlock(&lock);
}

EXPORT size_t malloc_usable_size(void *p) {
    if (!p) return 0;
    struct chunk *c = chunk_of(p);
    return size_of(c) - (c->head & MAPPED ? 2 : 1) * WORD;
}

HIDDEN void *em_calloc(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return no_memory();
    bool zero;
    struct chunk *c = obtain(total, &zero);
    if (!c) return no_memory();
    return zero ? payload(c) : memset(payload(c), 0, malloc_usable_size(payload(c)));
}

static void *resize_mapped(struct chunk *c, size_t size) {
    size_t offset = c->previous_size, old = size_of(c) + offset, length = round_up(size + offset + WORD, PAGE);
    if (old == length) return payload(c);
    long start = em_syscall(__NR_mremap, (size_t)c - offset, old, length, MREMAP_MAYMOVE);
    if (failed(start)) return NULL;
    c = (struct chunk *)((char *)start + offset);
    c->head = (length - offset) | MAPPED;
    return payload(c);
}

/* True if the chunk could be grown in place to at least `size`. */
static bool resize_in_place(struct chunk *c, size_t size) {
    size_t all = size_of(c);
    struct chunk *after = at(c, all);
    if (all < size && after == top) {
        size_t with_top = all + size_of(top);
        if (with_top < size + SMALLEST) return false;
        top = at(c, size);
        top->head = (with_top - size) | PREVIOUS_USED;
        if ((char *)top + HEADER > clean) clean = (char *)top + HEADER;
        c->head = size | (c->head & PREVIOUS_USED);
        return true;
    }
    if (all < size) {
        size_t extra = size_of(after);
        if (at(after, extra)->head & PREVIOUS_USED || all + extra < size) return false;
        take_out(after);
        all += extra;
        c->head = all | (c->head & PREVIOUS_USED);
        at(c, all)->head |= PREVIOUS_USED;
    }
    cut(c, size);
    return true;
}

HIDDEN void *em_realloc(void *p, size_t request) {
    if (!p) return em_malloc(request);
    if (!request) {
        em_free(p);
        return NULL;
    }
    if (request > LARGEST_REQUEST) return no_memory();
    struct chunk *c = chunk_of(p);
    size_t size = chunk_size(request);
    if ((uintptr_t)p % ALIGNMENT || size_of(c) < SMALLEST) em_fatal("realloc(): invalid pointer\n");
    if (c->head & MAPPED) {
        void *moved = resize_mapped(c, size);
        if (moved) return moved;
    } else {
        em_lock(&lock);
        bool done = resize_in_place(c, size);
        em_unlock(&lock);
        if (done) return p;
    }
    void *moved = em_malloc(request);
    if (!moved) return NULL;
    size_t kept = malloc_usable_size(p);
    memcpy(moved, p, kept < request ? kept : request);
    em_free(p);
    return moved;
}

HIDDEN void *em_memalign(size_t alignment, size_t request) {
    if (alignment <= ALIGNMENT) return em_malloc(request);
    if (request > LARGEST_REQUEST || alignment > LARGEST_REQUEST - request) return no_memory();
    size_t size = chunk_size(request);
    em_lock(&lock);
    struct chunk *c = allocate(size + alignment + SMALLEST);
    if (!c) {
        em_unlock(&lock);
        return no_memory();
    }
    char *p = (char *)round_up((uintptr_t)payload(c), alignment);
    if (p != payload(c) && (size_t)(p - (char *)payload(c)) < SMALLEST) p += alignment;
    size_t gap = (size_t)(p - (char *)payload(c));
    struct chunk *aligned = chunk_of(p);
    if (c->head & MAPPED) {
        aligned->previous_size = c->previous_size + gap;
        aligned->head = (size_of(c) - gap) | MAPPED;
    } else {
        if (gap) {
            aligned->head = (size_of(c) - gap) | PREVIOUS_USED;
            c->head = gap | (c->head & PREVIOUS_USED);
            release(c);
        }
        cut(aligned, size);
    }
    em_unlock(&lock);
    return p;
}

EXPORT void *malloc(size_t size) { return em_malloc(size); }
EXPORT void *calloc(size_t count, size_t size) { return em_calloc(count, size); }
EXPORT void *realloc(void *p, size_t size) { return em_realloc(p, size); }
EXPORT void free(void *p) { em_free(p); }
ALSO(cfree, free);
ALSO(__libc_malloc, malloc);
ALSO(__libc_calloc, calloc);
ALSO(__libc_realloc, realloc);
ALSO(__libc_free, free);

EXPORT void free_sized(void *p, size_t size) { em_free(p); }
EXPORT void free_aligned_sized(void *p, size_t alignment, size_t size) { em_free(p); }

EXPORT void *reallocarray(void *p, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return no_memory();
    return em_realloc(p, total);
}

/* memalign rounds the alignment up to a power of two; aligned_alloc takes only powers of two. */
EXPORT void *memalign(size_t alignment, size_t size) {
    size_t power = ALIGNMENT;
    while (power < alignment && power << 1) power <<= 1;
    return em_memalign(power, size);
}
ALSO(__libc_memalign, memalign);

static bool power_of_two(size_t n) { return n && !(n & (n - 1)); }

EXPORT void *aligned_alloc(size_t alignment, size_t size) {
    if (power_of_two(alignment)) return em_memalign(alignment, size);
    errno = EINVAL;
    return NULL;
}

EXPORT int posix_memalign(void **result, size_t alignment, size_t size) {
    if (!power_of_two(alignment) || alignment % sizeof(void *)) return EINVAL;
    int kept = errno;
    void *p = em_memalign(alignment, size);
    errno = kept;
    if (!p) return ENOMEM;
    *result = p;
    return 0;
}

EXPORT void *valloc(size_t size) { return em_memalign(PAGE, size); }
EXPORT void *pvalloc(size_t size) { return em_memalign(PAGE, round_up(size, PAGE)); }

EXPORT int malloc_trim(size_t pad) {
    em_lock(&lock);
    empty_quick_lists();
    em_unlock(&lock);
    return 0;
}

EXPORT int mallopt(int parameter, int value) { return 1; }
EXPORT void malloc_stats(void) {}

/* Memory that the program frees must come from the malloc it calls, which may be its own. */
HIDDEN struct emu_heap emu_heap = {malloc, calloc, realloc, free};

static void bind(void *slot, const char *name) {
    struct em_symbol found;
    if (EM_DL_SYM(0, name, 0, 0, &found) == EM_FOUND_ADDRESS && found.address) *(em_word *)slot = found.address;
}

/* Called by start-up code before any constructor. */
HIDDEN void em_text_start(void) {
    bind(&emu_heap.malloc, "malloc");
    bind(&emu_heap.calloc, "calloc");
    bind(&emu_heap.realloc, "realloc");
    bind(&emu_heap.free, "free");
}
