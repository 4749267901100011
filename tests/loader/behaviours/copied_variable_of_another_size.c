// A COPY of a variable that has grown since the program was linked: as much as there is room for, and a warning.
#include "behaviour.h"
//= old/libx.so
int number[2] = {1, 2};
//= libx.so
int number[4] = {5, 6, 7, 8};
int last(void) { return number[0]; }
//= main needs=old/libx.so cc=gcc -no-pie -fno-pie
extern int number[2];
int main(void) { SAY("%d %d %d\n", number[0], number[1], call(RTLD_DEFAULT, "last")); }
