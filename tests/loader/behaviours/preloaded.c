// LD_PRELOAD: its libraries come right behind the program; the next definition is found with RTLD_NEXT.
#include "behaviour.h"
//= also armv5-gnueabi
//= run
//= run LD_PRELOAD=./libp.so
//= run LD_PRELOAD=./libp.so:./libq.so
//= run LD_PRELOAD=libp.so
//= run LD_PRELOAD=./libmissing.so
//= libx.so
int which(void) { return 1; }
__attribute__((constructor)) static void begin(void) { SAY("x begins\n"); }
//= libp.so
int which(void) { return 10 + ((int (*)(void))dlsym(RTLD_NEXT, "which"))(); }
__attribute__((constructor)) static void begin(void) { SAY("p begins\n"); }
//= libq.so
int which(void) { return 100 + ((int (*)(void))dlsym(RTLD_NEXT, "which"))(); }
__attribute__((constructor)) static void begin(void) { SAY("q begins\n"); }
//= main needs=libx.so
int which(void);
int main(void) { SAY("%d\n", which()); }
