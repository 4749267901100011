// Opened again after it went, a library begins anew.
#include "behaviour.h"
//= libx.so
static int data = 5;
__attribute__((constructor)) static void begin(void) { SAY("begins %d\n", data); }
__attribute__((destructor)) static void end(void) { SAY("ends %d\n", data); }
int x(void) { return ++data; }
//= main
int main(void) {
    for (int i = 0; i < 3; i++) {
        void *x = must_open("./libx.so", RTLD_NOW);
        SAY("%d\n", call(x, "x"));
        SAY("close %d\n", dlclose(x));
    }
}
