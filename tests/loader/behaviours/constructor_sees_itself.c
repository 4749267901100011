// In a constructor the library is found by dl_iterate_phdr, dladdr, dlopen with RTLD_NOLOAD and the global scope.
#include "behaviour.h"
//= libx.so
static int find(struct dl_phdr_info *info, size_t size, void *found) { *(int *)found += strstr(info->dlpi_name, "libx.so") != 0; return 0; }
int x(void) { return 1; }
__attribute__((constructor)) static void begin(void) {
    int found = 0;
    Dl_info info;
    dl_iterate_phdr(find, &found);
    SAY("%d %d %d\n", found, dladdr((void *)begin, &info), dlopen("./libx.so", RTLD_NOW | RTLD_NOLOAD) != 0);
    SAY("%d\n", dlsym(RTLD_DEFAULT, "x") == (void *)x);
}
//= main
//= run global
//= run local
int main(int argc, char **argv) { must_open("./libx.so", RTLD_NOW | (strcmp(argv[1], "global") ? 0 : RTLD_GLOBAL)); }
