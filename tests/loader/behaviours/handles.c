// What dlsym says of handles that are none, of the program's, of a closed one; errors are said once, per thread.
#include "behaviour.h"
//= libx.so
int x(void) { return 1; }
//= main -Wl,-E
int in_main(void) { return 2; }
static void *use(void *p) { SAY("%d\n", dlerror() == 0); dlopen("./libnone.so", RTLD_NOW); SAY("%d\n", dlerror() != 0); return p; }
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW), *program = dlopen(0, RTLD_NOW);
    SAY("%d %d %d\n", call(x, "x"), call(program, "in_main"), dlsym(program, "x") == 0);
    SAY("%s\n", dlerror());
    SAY("%d\n", dlerror() == 0);
    SAY("%d\n", dlsym(x, "in_main") == 0);
    in_thread(use, 0);
    SAY("%s\n", dlerror());
    dlopen("./libnone.so", RTLD_NOW);
    dlsym(x, "x");
    SAY("%d\n", dlerror() == 0);
    SAY("%s\n", dlopen("./libx.so", RTLD_GLOBAL) ? "opened" : dlerror());
    SAY("%d\n", dlsym(x, "") == 0);
    SAY("%s\n", dlerror());
}
