// dlsym of a thread-local variable is its address in the calling thread, made if need be.
#include "behaviour.h"
//= libx.so
__thread int before = 1, value = 42;
//= main
static void *use(void *x) {
    int *value = dlsym(x, "value");
    SAY("%d %d\n", value ? (*value)++ : -1, value == dlsym(x, "value"));
    return value;
}
int main(void) { void *x = must_open("./libx.so", RTLD_NOW); use(x); in_thread(use, x); use(x); }
