// Packed relative relocations: many pointers, some far apart.
#include "behaviour.h"
//= libx.so cc=gcc -Wl,-z,pack-relative-relocs
#define T8(x) x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7
static int values[200];
int *pointers[] = {T8(values), T8(values + 8), T8(values + 50), T8(values + 100), T8(values), T8(values), T8(values), T8(values), T8(values + 9)};
static long gap[1000] = {1};
int *far_away[] = {values + 3, 0, values + 4, (int *)5, values + 6};
int x(void) {
    for (int i = 0; i < 200; i++) values[i] = i;
    int sum = 0;
    for (unsigned i = 0; i < sizeof pointers / sizeof *pointers; i++) sum += *pointers[i];
    return sum + *far_away[0] + *far_away[2] + (int)(intptr_t)far_away[3] + *far_away[4] + (int)gap[0];
}
//= main needs=libx.so cc=gcc -Wl,-z,pack-relative-relocs
int x(void);
static int own = 4, *pointer = &own;
int main(void) { SAY("%d %d\n", x(), *pointer); }
