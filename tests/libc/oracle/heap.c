/* The heap under random requests, on one thread and on several: contents survive, blocks do not overlap, alignment and
 * usable sizes are the host's; abuse ends the process with the host's words. */
#include "oracle.h"
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void *(*my_malloc)(size_t), *(*my_calloc)(size_t, size_t), *(*my_realloc)(void *, size_t), (*my_free)(void *), *(*my_memalign)(size_t, size_t);
static size_t (*my_usable)(void *);

enum { SLOTS = 400 };
struct slot { unsigned char *p; size_t size; unsigned char fill; };

static uint64_t next(uint64_t *state) {
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 33;
}

static long check_slot(const struct slot *s) {
    for (size_t i = 0; i < s->size; i += s->size > 5000 ? 97 : 1)
        if (s->p[i] != s->fill) return 1;
    return 0;
}

static void *stress(void *argument) {
    uint64_t state = (uint64_t)(uintptr_t)argument;
    static __thread struct slot slots[SLOTS];
    long bad = 0;
    memset(slots, 0, sizeof slots);
    for (int i = 0; i < 60000; i++) {
        struct slot *s = &slots[next(&state) % SLOTS];
        unsigned kind = next(&state) % 20;
        size_t size = kind == 0 ? next(&state) % 400000 : kind < 4 ? next(&state) % 10000 : next(&state) % 300;
        if (s->p) bad += check_slot(s);
        unsigned action = next(&state) % 8;
        if (s->p && action < 4) {
            my_free(s->p);
            s->p = NULL;
            s->size = 0;
        } else if (s->p && action < 6) {
            unsigned char *moved = my_realloc(s->p, size + 1);
            struct slot kept = {moved, s->size < size + 1 ? s->size : size + 1, s->fill};
            bad += check_slot(&kept);
            s->p = moved, s->size = size + 1;
        } else if (!s->p && action < 6) {
            s->p = my_malloc(size), s->size = size;
        } else if (!s->p && action == 6) {
            s->p = my_calloc(1, size), s->size = size;
            for (size_t k = 0; k < size; k++) bad += s->p[k] != 0;
        } else if (!s->p) {
            size_t alignment = (size_t)16 << next(&state) % 10;
            s->p = my_memalign(alignment, size), s->size = size;
            bad += (uintptr_t)s->p % alignment != 0;
        } else {
            continue;
        }
        if (s->p) {
            bad += (uintptr_t)s->p % 16 != 0 || my_usable(s->p) < s->size;
            s->size = my_usable(s->p) < 100000 ? my_usable(s->p) : s->size;
            s->fill = (unsigned char)next(&state);
            memset(s->p, s->fill, s->size);
        }
    }
    for (int i = 0; i < SLOTS; i++) {
        if (!slots[i].p) continue;
        bad += check_slot(&slots[i]);
        my_free(slots[i].p);
    }
    return (void *)bad;
}

/* What a child says and how it ends when it misuses the heap. */
static void abuse(int kind, void *(*m)(size_t), void (*f)(void *), void *(*r)(void *, size_t), char *words, int *status) {
    int ends[2];
    pipe(ends);
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], 2);
        char *p = m(40), *q = m(2000), *guard = m(2000);
        memset(p, 0, 40);
        (void)guard;
        switch (kind) {
        case 0: f(p), f(p); break;
        case 1: f(q), f(q); break;
        case 2: f(p + 8); break;
        case 3: f(p + 16); break;
        case 4: r(p + 4, 100); break;
        }
        _exit(0);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], words, 200);
    words[n > 0 ? n : 0] = 0;
    close(ends[0]);
    waitpid(child, status, 0);
}

int main(int argc, char **argv) {
    open_library(argc, argv);
    my_malloc = symbol("malloc"), my_calloc = symbol("calloc"), my_realloc = symbol("realloc"), my_free = symbol("free"), my_memalign = symbol("memalign");
    my_usable = symbol("malloc_usable_size");
    for (size_t size = 0; size < 2000; size++) {
        void *a = my_malloc(size), *b = malloc(size);
        checks++;
        if (size < 1000 && my_usable(a) != malloc_usable_size(b)) differ("usable size of %zu: %zu, host %zu", size, my_usable(a), malloc_usable_size(b));
        my_free(a), free(b);
    }
    for (long seed = 1; seed <= 6; seed++) {
        checks++;
        long bad = (long)stress((void *)seed);
        if (bad) differ("seed %ld: %ld", seed, bad);
    }
    pthread_t threads[4];
    for (long i = 0; i < 4; i++) pthread_create(&threads[i], NULL, stress, (void *)(100 + i));
    for (int i = 0; i < 4; i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        checks++;
        if (bad) differ("thread %d: %ld", i, (long)bad);
    }
    errno = 0;
    checks += 5;
    if (my_malloc((size_t)-1) || errno != ENOMEM) differ("malloc(-1)");
    if (my_malloc(PTRDIFF_MAX) || my_calloc((size_t)1 << 40, (size_t)1 << 40) || my_realloc(NULL, (size_t)-20)) differ("huge");
    if (my_realloc(my_malloc(5), 0)) differ("realloc to 0");
    int (*my_posix_memalign)(void **, size_t, size_t) = symbol("posix_memalign");
    void *(*my_aligned_alloc)(size_t, size_t) = symbol("aligned_alloc"), *(*my_reallocarray)(void *, size_t, size_t) = symbol("reallocarray"), *p = NULL;
    if (my_posix_memalign(&p, 3, 10) != EINVAL || my_posix_memalign(&p, 4096, 10) || (uintptr_t)p % 4096) differ("posix_memalign");
    if ((uintptr_t)my_aligned_alloc(64, 64) % 64 || my_reallocarray(NULL, (size_t)1 << 33, (size_t)1 << 33)) differ("aligned_alloc");
    for (int kind = 0; kind < 5; kind++) {
        char mine[201], host[201];
        int mine_status, host_status;
        abuse(kind, my_malloc, my_free, my_realloc, mine, &mine_status);
        abuse(kind, malloc, free, realloc, host, &host_status);
        checks++;
        if (strcmp(mine, host) || mine_status != host_status) differ("abuse %d: %d %s, host %d %s", kind, mine_status, mine, host_status, host);
    }
    return report();
}
