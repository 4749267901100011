// A protected symbol: its library keeps its own, others see the first one.
#include "behaviour.h"
//= libx.so
__attribute__((visibility("protected"))) int which(void) { return 1; }
__attribute__((visibility("protected"))) int number = 5;
int x(void) { return which() * 10 + number; }
//= liby.so
int which(void);
extern int number;
int y(void) { return which() * 10 + number; }
//= main needs=liby.so,libx.so cc=gcc -Wl,-E
int which(void) { return 2; }
int number = 6;
int x(void);
int y(void);
int main(void) { SAY("%d %d\n", x(), y()); }
