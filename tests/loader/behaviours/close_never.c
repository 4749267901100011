// RTLD_NODELETE, or the file's own flag: closed or not, it stays until the end.
#include "behaviour.h"
//= libflag.so -Wl,-z,nodelete
static int data = 1;
__attribute__((destructor)) static void end(void) { SAY("flag ends\n"); }
int next(void) { return data++; }
//= libmode.so
static int data = 1;
__attribute__((destructor)) static void end(void) { SAY("mode ends\n"); }
int next(void) { return data++; }
//= main
int main(void) {
    for (int i = 0; i < 2; i++) {
        void *flag = must_open("./libflag.so", RTLD_NOW), *mode = must_open("./libmode.so", RTLD_NOW | RTLD_NODELETE);
        SAY("%d %d\n", call(flag, "next"), call(mode, "next"));
        SAY("close %d %d\n", dlclose(flag), dlclose(mode));
    }
    SAY("main ends\n");
}
