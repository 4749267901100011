// DT_FILTER and DT_AUXILIARY: the other library's definitions come first; a missing one is an error of the first only.
#include "behaviour.h"
//= run ./libfilter.so
//= run ./libauxiliary.so
//= run ./libnofilter.so
//= run ./libnoauxiliary.so
//= run ./libboth.so
//= run ./libuser.so
//= run ./libknown.so
//= libreal.so
int f(void) { return 11; }
__attribute__((constructor)) static void begin(void) { SAY("real begins\n"); }
__attribute__((destructor)) static void end(void) { SAY("real ends\n"); }
//= libfilter.so cc=gcc -Wl,-F,libreal.so
int f(void) { return 1; }
int g(void) { return 2; }
__attribute__((constructor)) static void begin(void) { SAY("filter begins\n"); }
__attribute__((destructor)) static void end(void) { SAY("filter ends\n"); }
//= libauxiliary.so cc=gcc -Wl,-f,libreal.so
int f(void) { return 1; }
int g(void) { return 2; }
//= libnofilter.so cc=gcc -Wl,-F,libmissing.so
int f(void) { return 1; }
//= libnoauxiliary.so cc=gcc -Wl,-f,libmissing.so
int f(void) { return 1; }
int g(void) { return 3; }
//= libsecond.so
int f(void) { return 21; }
int g(void) { return 22; }
__attribute__((constructor)) static void begin(void) { SAY("second begins\n"); }
//= libboth.so cc=gcc -Wl,-f,libreal.so -Wl,-f,libsecond.so
int f(void) { return 1; }
int g(void) { return 2; }
//= libuser.so cc=gcc needs=libfilter.so -Wl,--no-as-needed
int f(void);
int g(void) { return f() + 100; }
//= libknown.so cc=gcc needs=libreal.so,libauxiliary.so -Wl,--no-as-needed
int f(void);
int g(void) { return f() + 100; }
//= main
static int show(struct dl_phdr_info *info, size_t size, void *data) {
    if (strstr(info->dlpi_name, "./lib")) SAY(" %s", info->dlpi_name);
    return 0;
}
int main(int argc, char **argv) {
    void *x = dlopen(argv[1], RTLD_NOW);
    if (!x) return SAY("%s\n", dlerror());
    int (*f)(void) = (int (*)(void))dlsym(x, "f"), (*g)(void) = (int (*)(void))dlsym(x, "g");
    SAY("f %d g %d\n", f ? f() : -1, g ? g() : -1);
    dl_iterate_phdr(show, 0);
    SAY("\nclose %d\n", dlclose(x));
}
