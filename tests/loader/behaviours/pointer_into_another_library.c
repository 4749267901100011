// Symbolic relocations with addends: the middle of another library's array, a function, a weak one that is missing.
#include "behaviour.h"
//= liby.so
int array[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
int y(void) { return 30; }
//= libx.so needs=liby.so
extern int array[10];
int y(void);
extern int missing(void) __attribute__((weak));
int *middle = array + 4, *behind = array + 10;
int (*function)(void) = y, (*absent)(void) = missing;
int x(void) { return *middle + (int)(behind - middle) * 100 + function() + (absent != 0); }
//= main needs=libx.so
int x(void);
int main(void) { SAY("%d\n", x()); }
