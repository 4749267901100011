// Symbols found by the old hash table alone, by the new one alone, by either.
#include "behaviour.h"
#define F(n) int f##n(void) { return n; }
#define F10(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7) F(n##8) F(n##9)
//= libsysv.so -Wl,--hash-style=sysv
F10(1) F10(2) F10(3) F10(4) F10(5)
//= libgnu.so -Wl,--hash-style=gnu
F10(1) F10(2) F10(3) F10(4) F10(5)
//= libboth.so -Wl,--hash-style=both
F10(1) F10(2) F10(3) F10(4) F10(5)
//= main
int main(void) {
    const char *names[] = {"./libsysv.so", "./libgnu.so", "./libboth.so"};
    for (int k = 0; k < 3; k++) {
        void *x = must_open(names[k], RTLD_NOW);
        int sum = 0;
        for (int i = 10; i < 60; i++) {
            char name[8];
            sprintf(name, "f%d", i);
            sum += call(x, name);
        }
        SAY("%d %d\n", sum, dlsym(x, "f60") == 0);
    }
}
