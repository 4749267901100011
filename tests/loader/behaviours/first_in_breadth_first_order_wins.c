// Of several definitions the one nearest to the program wins, not the deepest first.
#include "behaviour.h"
//= libdeep.so
int which(void) { return 3; }
//= liba.so needs=libdeep.so -Wl,--no-as-needed
int a(void) { return 0; }
//= libb.so
int which(void) { return 2; }
//= main needs=liba.so,libb.so -Wl,--no-as-needed
int a(void);
int which(void);
int main(void) { SAY("%d\n", which() + a()); }
