// Libraries share the surplus; what a closed one took last is there again.
#include "behaviour.h"
//= liba.so -ftls-model=initial-exec
__thread char a[900];
int x(void) { return a[0] = 1; }
//= libb.so -ftls-model=initial-exec
__thread char b[900];
int x(void) { return b[0] = 2; }
//= main
int main(void) {
    void *a = must_open("./liba.so", RTLD_NOW), *b = must_open("./libb.so", RTLD_NOW);
    SAY("%d\n", call(a, "x"));
    SAY("close %d\n", dlclose(a));
    b = must_open("./libb.so", RTLD_NOW);
    SAY("%d\n", call(b, "x"));
    a = must_open("./liba.so", RTLD_NOW);
}
