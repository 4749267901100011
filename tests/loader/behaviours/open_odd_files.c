// The words about files that are no whole libraries.
#include "behaviour.h"
//= text libempty.so
//= text libshort.so abc
//= text liblong.so There is nothing here that a linker could load, though it is long enough to hold an ELF header whole, and more.
//= made libcut15.so cut 15
//= made libcut40.so cut 40
//= made libcut63.so cut 63
//= made libcut64.so cut 64
//= made libcut100.so cut 100
//= libno.so cc=gcc -Wl,-z,nodlopen
int no;
//= main
int main(void) {
    const char *names[] = {"./libno.so", "/dev/null", ".", "./libempty.so", "./libshort.so", "./liblong.so", "./libcut15.so", "./libcut40.so",
        "./libcut63.so", "./libcut64.so", "./libcut100.so", "/dev/zero", "/dev"};
    for (int i = 0; i < sizeof names / sizeof *names; i++) SAY("%s\n", dlopen(names[i], RTLD_NOW) ? "opened" : dlerror());
}
