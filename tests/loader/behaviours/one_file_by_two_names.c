// The same file by a symbolic link, or by another path, is the same object.
#include "behaviour.h"
//= libx.so
__attribute__((constructor)) static void begin(void) { SAY("begins\n"); }
//= symlink other.so libx.so
//= symlink sub/link.so ../libx.so
//= main
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW);
    char path[4096];
    SAY("%d\n", must_open("./other.so", RTLD_NOW) == x);
    SAY("%d\n", must_open("sub/link.so", RTLD_NOW) == x);
    SAY("%d\n", must_open("./sub/../libx.so", RTLD_NOW) == x);
    SAY("%d\n", must_open(strcat(getcwd(path, sizeof path), "/libx.so"), RTLD_NOW) == x);
}
