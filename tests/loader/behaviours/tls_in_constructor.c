// A constructor uses its library's thread-local data; so does a destructor at exit.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so
static __thread int value = 3;
__attribute__((constructor)) static void begin(void) { SAY("begin %d\n", value++); }
__attribute__((destructor)) static void end(void) { SAY("end %d\n", value); }
int next(void) { return value++; }
//= main
int main(void) { SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "next")); }
