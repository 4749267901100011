// A constructor opens another library: that one's constructors run at once, inside.
#include "behaviour.h"
//= libinner.so
__attribute__((constructor)) static void begin(void) { SAY("inner begins\n"); }
__attribute__((destructor)) static void end(void) { SAY("inner ends\n"); }
int inner(void) { return 5; }
//= libx.so
static int got;
__attribute__((constructor)) static void begin(void) {
    SAY("x begins\n");
    got = call(must_open("./libinner.so", RTLD_NOW), "inner");
    SAY("x has begun\n");
}
__attribute__((destructor)) static void end(void) { SAY("x ends\n"); }
int x(void) { return got; }
//= main
int main(void) { SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "x")); }
