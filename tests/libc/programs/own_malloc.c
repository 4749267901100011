/* A program with a heap of its own: memory that the C library hands out to be freed comes from there.
 * cc -w own_malloc.c && ./a.out */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char heap[1 << 20] __attribute__((aligned(16)));
static size_t used;
static int taken, freed;

static int ours(void *p) { return (char *)p >= heap && (char *)p < heap + sizeof heap; }

void *malloc(size_t size) {
    size_t *p = (size_t *)(heap + used);
    used += (size + 31) / 16 * 16;
    taken++;
    *p = size;
    return (char *)p + 16;
}
void *calloc(size_t count, size_t size) { return memset(malloc(count * size), 0, count * size); }
void *realloc(void *p, size_t size) {
    void *moved = malloc(size);
    if (p) memcpy(moved, p, ((size_t *)p)[-16 / (int)sizeof(size_t)] < size ? ((size_t *)p)[-16 / (int)sizeof(size_t)] : size);
    return moved;
}
void free(void *p) { freed += p && ours(p); }

int main(void) {
    char *made = NULL, *line = NULL, *scanned = NULL, *copy = strdup("copied"), *cut = strndup("cut here", 3);
    size_t room = 0;
    asprintf(&made, "%d made", 1);
    sscanf("scanned", "%ms", &scanned);
    getline(&line, &room, stdin);
    printf("%d %d %d %d %d\n", ours(copy), ours(cut), ours(made), ours(scanned), ours(line));
    printf("%s %s %s %s %s", copy, cut, made, scanned, line);
    int before = freed;
    free(copy), free(cut), free(made), free(scanned), free(line);
    printf("%d\n", freed - before);
    return 0;
}
