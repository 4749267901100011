// dl_iterate_phdr: objects in the order of loading, counts of loads and unloads, an early end.
#include "behaviour.h"
//= liby.so
int y(void) { return 1; }
//= libx.so needs=liby.so -Wl,--no-as-needed
__thread int value;
int x(void) { return value; }
//= main needs=liby.so -Wl,--no-as-needed
static unsigned long long adds, subs;
static int list(struct dl_phdr_info *info, size_t size, void *data) {
    const char *name = strrchr(info->dlpi_name, '/');
    int loads = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) loads += info->dlpi_phdr[i].p_type == PT_LOAD;
    if (!*info->dlpi_name) name = "/program";
    if (name && (!strncmp(name, "/libx", 5) || !strncmp(name, "/liby", 5) || !strcmp(name, "/program")))
        SAY("  %s %d %d\n", name, loads > 1, info->dlpi_tls_modid != 0);
    adds = info->dlpi_adds;
    subs = info->dlpi_subs;
    return 0;
}
static int stop(struct dl_phdr_info *info, size_t size, void *data) { return ++*(int *)data == 2 ? 77 : 0; }
int main(void) {
    int n = 0;
    dl_iterate_phdr(list, 0);
    unsigned long long before = adds, gone = subs;
    void *x = must_open("./libx.so", RTLD_NOW);
    dl_iterate_phdr(list, 0);
    SAY("%d %d\n", (int)(adds - before), (int)(subs - gone));
    dlclose(x);
    dl_iterate_phdr(list, 0);
    SAY("%d %d\n", (int)(adds - before), (int)(subs - gone));
    SAY("%d", dl_iterate_phdr(stop, &n));
    SAY(" %d\n", n);
}
