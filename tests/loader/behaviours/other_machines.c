// Files for other machines: said so by path, passed over in a search.
#include "behaviour.h"
//= made libclass.so other_class
//= made libmachine.so other_machine
//= main
int main(void) {
    const char *names[] = {"./libclass.so", "./libmachine.so", "libclass.so", "libmachine.so"};
    for (int i = 0; i < 4; i++) SAY("%s\n", dlopen(names[i], RTLD_NOW) ? "opened" : dlerror());
}
