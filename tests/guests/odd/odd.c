/* Something of all that a library can ask of a dynamic linker, as small as that goes. */
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
static int runs;
__thread int counter = 7;
__thread char room[40];
static __thread long here __attribute__((tls_model("initial-exec"))) = 3;

__attribute__((constructor(101))) static void first(void) { runs = 1; }
__attribute__((constructor)) static void second(void) { runs++; }
__attribute__((destructor)) static void last(void) { runs--; }

int chosen(int a);
extern int nowhere(void) __attribute__((weak));

int add(int a, int b) {
    counter += a;
    room[0] = (char)b;
    here += (long)strlen(words[(unsigned)runs % 10]);
    return nowhere ? nowhere() : a + b + chosen(0) - runs;
}

int old_scale(int a) { return a * 2; }
int new_scale(int a) { return a * 3; }
__asm__(".symver old_scale, scale@V1");
__asm__(".symver new_scale, scale@@V2");

static int plain(int a) { return a + runs; }
static void *choose(void) { return (void *)plain; }
int chosen(int a) __attribute__((ifunc("choose")));

char *copy(const char *text) { return strdup(text); }
