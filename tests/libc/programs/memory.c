/* The heap, strings and the environment: sizes, alignments, errors; the same on every architecture.
 * cc -w memory.c && FOO=bar ./a.out one -b two --long=3 -c */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

extern char **environ;

static unsigned char *slots[300];
static size_t sizes[300];
static uint32_t state = 12345;
static uint32_t bits(void) { return state = state * 1664525 + 1013904223, state >> 8; }

int main(int argc, char **argv) {
    int wrong = 0;
    dup2(1, 2);
    for (int i = 0; i < 30000; i++) {
        int k = bits() % 300;
        if (slots[k])
            for (size_t j = 0; j < sizes[k]; j += 1 + sizes[k] / 16) wrong += slots[k][j] != (unsigned char)k;
        size_t size = bits() % 50 ? bits() % 500 : bits() % 300000;
        switch (bits() % 4) {
        case 0: free(slots[k]), slots[k] = malloc(size); break;
        case 1: free(slots[k]), slots[k] = calloc(1, size); for (size_t j = 0; j < size; j += 1 + size / 64) wrong += slots[k][j]; break;
        case 2: slots[k] = realloc(slots[k], size + 1); break;
        case 3: free(slots[k]), slots[k] = memalign(64, size), wrong += (uintptr_t)slots[k] % 64 != 0; break;
        }
        sizes[k] = size;
        wrong += (uintptr_t)slots[k] % (2 * sizeof(void *)) != 0 || malloc_usable_size(slots[k]) < size;
        memset(slots[k], k, size);
    }
    for (int k = 0; k < 300; k++) free(slots[k]);
    printf("%d wrong\n", wrong);
    char *large[8];
    for (int i = 0; i < 8; i++) large[i] = malloc(1 << 20), large[i][0] = large[i][(1 << 20) - 1] = 'x';
    for (int i = 0; i < 8; i++) free(large[i]);
    errno = 0;
    printf("%p %d\n", malloc((size_t)-100), errno);
    errno = 0;
    printf("%p %d\n", calloc((size_t)-1 / 4, 8), errno);
    void *aligned = NULL;
    printf("%d %d %d\n", posix_memalign(&aligned, 3, 8), posix_memalign(&aligned, 4096, 8), (int)((uintptr_t)aligned % 4096));

    char buffer[300], *rest, *p;
    for (int i = 0; i < 300; i++) buffer[i] = (char)('a' + i % 26);
    for (int from = 0; from < 12; from++)
        for (int to = 0; to < 12; to++)
            for (int n = 0; n < 70; n += 7) memmove(buffer + 100 + to, buffer + 100 + from, n), memcpy(buffer + to, buffer + 200 + from, n), memset(buffer + 90 + to, n, to);
    unsigned sum = 0;
    for (int i = 0; i < 300; i++) sum = sum * 31 + (unsigned char)buffer[i];
    printf("%08x\n", sum);
    strcpy(buffer, "one,two;;three");
    for (p = strtok_r(buffer, ",;", &rest); p; p = strtok_r(NULL, ",;", &rest)) printf("<%s>", p);
    char copy[40];
    printf(" %d %s %s %d %d %s\n", (int)strlen("four"), strchr("a=b", '='), strstr("haystack", "st"), strcasecmp("HeLLo", "hEllO"), strncmp("abc", "abd", 2), strcat(strcpy(copy, "cat"), "enate"));
    printf("%d %d %s %s\n", (int)strspn("aabbc", "ab"), (int)strcspn("hello", "lo"), strpbrk("key:value", ":="), strrchr("/a/b", '/'));

    printf("%s %s %d ", getenv("FOO"), getenv("NONE") ? "set" : "unset", setenv("NEW", "1", 0));
    setenv("FOO", "changed", 0), printf("%s ", getenv("FOO"));
    setenv("FOO", "changed", 1), printf("%s ", getenv("FOO"));
    putenv("PUT=it"), unsetenv("FOO");
    printf("%s %s %d\n", getenv("PUT"), getenv("FOO") ? "set" : "unset", setenv("a=b", "", 1));
    int count = 0;
    for (char **e = environ; *e; e++) count += !strncmp(*e, "NEW=", 4) || !strncmp(*e, "PUT=", 4);
    clearenv();
    printf("%d %d\n", count, getenv("NEW") == NULL);

    static const struct option longs[] = {{"long", required_argument, NULL, 'l'}, {0}};
    for (int c; (c = getopt_long(argc, argv, "ab:c", longs, NULL)) != -1;) printf("%c:%s ", c, optarg ? optarg : "-");
    for (int i = optind; i < argc; i++) printf("[%s]", argv[i]);
    printf(" %d %d\n", fnmatch("*.[ch]", "file.c", 0), fnmatch("a*", "/a", FNM_PATHNAME));
    fflush(stdout);
    p = malloc(24);
    free(p), free(p);
    return 0;
}
