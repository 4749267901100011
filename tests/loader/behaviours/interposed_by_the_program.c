// The program's exported function and variable come before a library's, for the library's own references too.
#include "behaviour.h"
//= libx.so
int number = 1;
int which(void) { return 1; }
int x(void) { return which() * 10 + number; }
//= main needs=libx.so -Wl,-E
int number = 2;
int which(void) { return 2; }
int x(void);
int main(void) { SAY("%d\n", x()); }
