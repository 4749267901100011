// RTLD_NEXT goes on behind the caller's own object, in the scope of what opened it.
#include "behaviour.h"
//= libc_.so
int which(void) { return 1; }
//= libb.so needs=libc_.so -Wl,--no-as-needed
int which(void) { return 10 + ((int (*)(void))dlsym(RTLD_NEXT, "which"))(); }
//= liba.so needs=libb.so -Wl,--no-as-needed
int which(void) { return 100 + ((int (*)(void))dlsym(RTLD_NEXT, "which"))(); }
//= main -Wl,-E
//= run
int which(void) { return 1000; }
int main(void) {
    SAY("%d\n", call(must_open("./liba.so", RTLD_NOW), "which"));
    SAY("%d\n", dlsym(RTLD_NEXT, "which") == 0);
    SAY("%s\n", dlerror());
}
