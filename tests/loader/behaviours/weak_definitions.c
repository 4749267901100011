// The first definition counts, weak or not; with LD_DYNAMIC_WEAK a later one that is not weak.
#include "behaviour.h"
//= run
//= run LD_DYNAMIC_WEAK=1
//= run LD_DYNAMIC_WEAK=
//= libweak.so
__attribute__((weak)) int f(void) { return 1; }
__attribute__((weak)) int g(void) { return 10; }
//= libstrong.so
int f(void) { return 2; }
//= libother.so
__attribute__((weak)) int g(void) { return 20; }
//= main needs=libweak.so,libstrong.so,libother.so -Wl,--no-as-needed
int f(void), g(void);
int main(void) {
    SAY("%d %d %d %d\n", f(), g(), call(RTLD_DEFAULT, "f"), call(RTLD_DEFAULT, "g"));
    SAY("%d\n", call(must_open("libweak.so", RTLD_NOW), "f"));
}
