// Two versions of a function: linked references get the one they were linked with, dlsym the default one, dlvsym either.
#include "behaviour.h"
//= old/libv.so cc=gcc -Wl,--version-script=OLD
__asm__(".symver f_old,f@@V1\n");
int f_old(void) { return 1; }
//= libv.so cc=gcc -Wl,--version-script=BOTH
__asm__(".symver f_old,f@V1\n.symver f_new,f@@V2\n");
int f_old(void) { return 1; }
int f_new(void) { return 2; }
//= libold.so needs=old/libv.so
int f(void);
int old(void) { return f(); }
//= libnew.so needs=libv.so
int f(void);
int new(void) { return f(); }
//= main needs=libold.so,libnew.so,libv.so -Wl,--no-as-needed
int old(void);
int new(void);
int f(void);
int main(void) {
    SAY("%d %d %d\n", old(), new(), f());
    SAY("%d\n", call(RTLD_DEFAULT, "f"));
    SAY("%d\n", ((int (*)(void))dlvsym(RTLD_DEFAULT, "f", "V1"))());
    SAY("%d\n", ((int (*)(void))dlvsym(RTLD_DEFAULT, "f", "V2"))());
    SAY("%d\n", dlvsym(RTLD_DEFAULT, "f", "V3") == 0);
    SAY("%s\n", dlerror());
}
//= text OLD V1 { global: f; };
//= text BOTH V1 { global: f; }; V2 { global: f; } V1;
