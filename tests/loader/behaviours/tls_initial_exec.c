// Initial-exec access to a linked library's variable, from the library and from the program.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so -ftls-model=initial-exec
__thread int shared = 7;
static __thread int own = 3;
int *where(void) { own++; return &shared; }
int mine(void) { return own; }
//= main needs=libx.so
extern __thread int shared;
int *where(void);
int mine(void);
static void *use(void *p) { SAY("%d %d %d\n", where() == &shared, ++shared, mine()); return p; }
int main(void) { use(0); in_thread(use, 0); use(0); }
