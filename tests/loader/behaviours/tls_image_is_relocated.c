// A thread's image holds relocated pointers: to own data, to another library's function.
#include "behaviour.h"
//= liby.so
int y(void) { return 17; }
//= libx.so needs=liby.so
int y(void);
static int data = 4;
__thread int *pointer = &data;
__thread int (*function)(void) = y;
__thread const char *text = "text";
int x(void) { return (*pointer)++ + function() + (int)strlen(text); }
//= main
static int (*x)(void);
static void *use(void *p) { SAY("%d\n", x()); return p; }
int main(void) { x = dlsym(must_open("./libx.so", RTLD_NOW), "x"); use(0); in_thread(use, 0); }
