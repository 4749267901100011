// Thread-local data of a preloaded library is in static TLS; its definition comes first.
#include "behaviour.h"
//= run
//= run LD_PRELOAD=./libp.so
//= libp.so -ftls-model=initial-exec
__thread int value = 7;
static __thread char pad[5000] = "pad";
const char *text(void) { return pad; }
//= libx.so
__thread int value = 1;
const char *text(void) { return "none"; }
int *where(void) { return &value; }
//= main needs=libx.so
int *where(void);
const char *text(void);
static void *use(void *p) { SAY("%d %s\n", ++*where(), text()); return p; }
int main(void) { use(0); in_thread(use, 0); }
