// A library opened later uses a thread-local variable of the program's.
#include "behaviour.h"
//= libgd.so -Wl,-z,undefs -ftls-model=global-dynamic
extern __thread int program;
int *gd(void) { program++; return &program; }
//= libie.so -Wl,-z,undefs -ftls-model=initial-exec
extern __thread int program;
int *ie(void) { program++; return &program; }
//= main -Wl,-E
__thread int program = 5;
static int *(*gd)(void), *(*ie)(void);
static void *use(void *p) { SAY("%d %d %d\n", *gd(), *ie(), gd() == &program && ie() == &program); return p; }
int main(void) {
    gd = dlsym(must_open("./libgd.so", RTLD_NOW), "gd");
    ie = dlsym(must_open("./libie.so", RTLD_NOW), "ie");
    use(0);
    in_thread(use, 0);
}
