// DT_FILTER and DT_AUXILIARY of libraries linked at start.
#include "behaviour.h"
//= libreal.so
int f(void) { return 11; }
__attribute__((constructor)) static void begin(void) { SAY("real begins\n"); }
//= libother.so
int h(void) { return 13; }
__attribute__((constructor)) static void begin(void) { SAY("other begins\n"); }
//= libfilter.so cc=gcc -Wl,-F,libreal.so
int f(void) { return 1; }
int g(void) { return 2; }
__attribute__((constructor)) static void begin(void) { SAY("filter begins\n"); }
//= main cc=gcc needs=libother.so,libfilter.so -Wl,--no-as-needed
int f(void), g(void), h(void);
static int show(struct dl_phdr_info *info, size_t size, void *data) {
    if (strstr(info->dlpi_name, "./lib")) SAY(" %s", info->dlpi_name);
    return 0;
}
int main(void) {
    SAY("f %d g %d h %d\n", f(), g(), h());
    dl_iterate_phdr(show, 0);
    SAY("\n");
}
