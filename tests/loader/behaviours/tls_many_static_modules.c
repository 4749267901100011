// The same with initial-exec access: the blocks of later modules are in static TLS, and found through the grown DTV as well.
#include "behaviour.h"
//= libm.so
__thread int value __attribute__((tls_model("initial-exec"))) = 1;
int next(void) { return value++; }
//= copies libm.so 150
//= main
static int (*next[150])(void);
static int *where[150];
static int sum(void) { int sum = 0; for (int i = 0; i < 150; i++) sum += next[i](); return sum; }
static void *handle[150];
static void *use(void *p) {
    SAY("%d %d\n", sum(), sum());
    int same = 0;
    for (int i = 0; i < 150; i++) same += *(int *)dlsym(handle[i], "value") == 3;
    SAY("%d\n", same);
    return p;
}
int main(void) {
    for (int i = 0; i < 150; i++) {
        char name[32];
        sprintf(name, "./libm%03d.so", i);
        handle[i] = dlopen(name, RTLD_NOW);
        if (!handle[i]) return SAY("%s\n", dlerror());
        next[i] = dlsym(handle[i], "next");
    }
    use(0);
    in_thread(use, 0);
}
