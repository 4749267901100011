// An undefined weak thread-local variable: nobody's block, at address 0 by a call or a descriptor, at the thread pointer by an offset.
#include "behaviour.h"
//= also armv5-gnueabi
//= libgd.so -ftls-model=global-dynamic
extern __thread int nowhere __attribute__((weak));
int gd(void) { return &nowhere == 0; }
//= libie.so -ftls-model=initial-exec
extern __thread int nowhere __attribute__((weak));
int ie(void) { return &nowhere == 0; }
//= main
int main(void) {
    void *ie = must_open("./libie.so", RTLD_NOW);
    SAY("%d\n", call(ie, "ie"));
    void *gd = must_open("./libgd.so", RTLD_NOW);
#if defined(__aarch64__)
    SAY("%d\n", call(gd, "gd"));
#endif
}
