// A fixed program's own PLT entry is the address of a function it takes the address of, for libraries and dlsym too.
#include "behaviour.h"
//= libx.so cc=gcc
int f(void) { return 1; }
void *address(void) { return (void *)f; }
//= main needs=libx.so cc=gcc -no-pie -fno-pic -fno-pie -O1
extern int f(void);
extern void *address(void);
int main(void) {
    void *own = (void *)f, *x = must_open("./libx.so", RTLD_NOW), *all = must_open(0, RTLD_NOW);
    SAY("%d %d %d %d %d\n", address() == own, dlsym(RTLD_DEFAULT, "f") == own, dlsym(all, "f") == own, dlsym(x, "f") == own,
        dlsym(RTLD_NEXT, "f") == own);
    Dl_info info;
    SAY("%d %s\n", dladdr(own, &info), info.dli_sname ? info.dli_sname : "nothing");
}
