// A block that a thread already has keeps its module out of static TLS: a later initial-exec reference is refused.
#include "behaviour.h"
//= liba.so -ftls-model=global-dynamic
__thread int value[300] = {1};
int use(void) { return value[0]++; }
//= libb.so needs=liba.so
extern __thread int value[300] __attribute__((tls_model("initial-exec")));
int see(void) { return value[0]; }
//= main
//= run unused
//= run used
int main(int argc, char **argv) {
    void *a = must_open("./liba.so", RTLD_NOW);
    if (!strcmp(argv[1], "used")) SAY("%d\n", call(a, "use"));
    void *b = must_open("./libb.so", RTLD_NOW);
    if (b) SAY("%d\n", call(b, "see"));
    SAY("%d\n", call(a, "use"));
}
