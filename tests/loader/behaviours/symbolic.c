// -Bsymbolic: a library's references go to its own definition first, others' do not.
#include "behaviour.h"
//= libx.so -Wl,-Bsymbolic
int which(void) { return 1; }
int x(void) { return which(); }
//= libs.so -Wl,-Bsymbolic needs=libx.so
int s(void) { return ((int (*)(void))dlsym(RTLD_DEFAULT, "which"))(); }
//= main needs=libs.so,libx.so -Wl,-E
int which(void) { return 2; }
int x(void);
int s(void);
int main(void) { SAY("%d %d %d\n", x(), s(), which()); }
