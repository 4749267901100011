// An absolute symbol's value is not moved by the load bias.
#include "behaviour.h"
//= libx.so cc=gcc -Wl,--defsym=fixed=0x1234
extern char fixed[];
char *pointer = fixed;
int x(void) { return (int)(intptr_t)pointer; }
//= main
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW);
    SAY("%#x %p\n", call(x, "x"), dlsym(x, "fixed"));
}
