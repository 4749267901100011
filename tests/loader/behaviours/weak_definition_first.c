// The first definition wins though it is weak and a later one is not.
#include "behaviour.h"
//= liba.so
__attribute__((weak)) int which(void) { return 1; }
//= libb.so
int which(void) { return 2; }
//= main needs=liba.so,libb.so -Wl,--no-as-needed
int which(void);
int main(void) { SAY("%d\n", which()); }
