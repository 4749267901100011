// How often a resolver has run: for each reference, and for each dlsym.
#include "behaviour.h"
//= libx.so -Wl,-z,now
int runs __attribute__((visibility("hidden")));
static int two(void) { return 2; }
static void *choose(void) { runs++; return two; }
int chosen(void) __attribute__((ifunc("choose")));
int (*in_data[3])(void) = {chosen, chosen, chosen};
int count(void) { return runs; }
//= main -Wl,-z,now
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW);
    SAY("%d\n", call(x, "count"));
    dlsym(x, "chosen");
    dlsym(x, "chosen");
    SAY("%d\n", call(x, "count"));
}
