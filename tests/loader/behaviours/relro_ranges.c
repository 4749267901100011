// PT_GNU_RELRO that reaches round the end of the address space.
#include "behaviour.h"
//= made libusual.so relro 1000
//= made libsmall.so relro 10
//= made libround.so relro fffffffffffff000
//= made libmuch.so relro fffffffffffffff0
//= targets amd64-gnu arm64-gnu
//= main
int main(void) {
    const char *names[] = {"./libusual.so", "./libsmall.so", "./libround.so", "./libmuch.so"};
    for (int i = 0; i < 4; i++) SAY("%s\n", dlopen(names[i], RTLD_NOW) ? "opened" : dlerror());
}
