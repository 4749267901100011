// A reference without a version binds to the oldest one, dlsym to the default one.
#include "behaviour.h"
//= text BOTH V1 { global: f; }; V2 { global: f; } V1;
//= plain/libv.so
int f(void) { return 0; }
//= libv.so cc=gcc -Wl,--version-script=BOTH
__asm__(".symver f_old,f@V1\n.symver f_new,f@@V2\n");
int f_old(void) { return 1; }
int f_new(void) { return 2; }
//= libplain.so needs=plain/libv.so
int f(void);
int plain(void) { return f(); }
//= main needs=libplain.so -Wl,--allow-shlib-undefined
int plain(void);
int main(void) { SAY("%d %d\n", plain(), call(RTLD_DEFAULT, "f")); }
