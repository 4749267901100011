// A thread-local variable of the program's comes before a library's of the same name.
#include "behaviour.h"
//= libx.so
__thread int value = 1;
int *where(void) { return &value; }
//= main needs=libx.so -Wl,-E
__thread int value = 2;
int *where(void);
int main(void) { SAY("%d %d\n", *where(), where() == &value); }
