// A first call whose function makes first calls itself, recursively, with its own arguments kept.
#include "behaviour.h"
//= libb.so -Wl,-z,lazy
int a(int, double);
int b(int n, double x) { return n ? a(n - 1, x + 0.5) + (int)x : 100; }
//= liba.so needs=libb.so -Wl,-z,lazy
int b(int, double);
int a(int n, double x) { return n ? b(n - 1, x + 0.5) * 2 + (int)x : 1000; }
//= main needs=liba.so -Wl,-z,lazy
int a(int, double);
int main(void) { SAY("%d %d\n", a(5, 1.5), a(4, 2.5)); }
