// The program's own DT_SONAME is a name to open it by.
#include "behaviour.h"
//= main cc=gcc -Wl,-soname,libmyself.so -rdynamic
int me(void) { return 5; }
int main(void) {
    void *x = dlopen("libmyself.so", RTLD_NOW);
    if (!x) return SAY("%s\n", dlerror());
    SAY("%d %d\n", call(x, "me"), x == dlopen(0, RTLD_NOW));
    SAY("close %d\n", dlclose(x));
}
