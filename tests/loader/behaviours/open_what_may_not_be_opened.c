// An executable, and a library whose file says that it may not be opened.
#include "behaviour.h"
//= libno.so cc=gcc -Wl,-z,nodlopen
int x(void) { return 1; }
//= fixed/main -no-pie
int main(void) { return 0; }
//= main
int main(void) {
    const char *names[] = {"./libno.so", "./main", "./fixed/main"};
    for (int i = 0; i < 3; i++) SAY("%s\n", dlopen(names[i], RTLD_NOW) ? "opened" : dlerror());
}
