// dlinfo: link map, origin, search path, TLS module, program headers; an unknown request.
#include "behaviour.h"
//= libx.so
__thread int value = 3;
int x(void) { return value; }
//= main
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW);
    struct link_map *map = 0;
    char origin[4096] = "", here[4096];
    SAY("%d", dlinfo(x, RTLD_DI_LINKMAP, &map));
    SAY(" %d %s\n", map == x, map->l_name);
    SAY("%d", dlinfo(x, RTLD_DI_ORIGIN, origin));
    SAY(" %s\n", strstr(origin, getcwd(here, sizeof here)) ? origin + strlen(here) : "elsewhere");
    size_t module = 99;
    Lmid_t space = 99;
    SAY("%d", dlinfo(x, RTLD_DI_TLS_MODID, &module));
    SAY(" %d\n", module > 0 && module < 9);
    SAY("%d", dlinfo(x, RTLD_DI_LMID, &space));
    SAY(" %ld\n", (long)space);
    Dl_serinfo size, *info;
    SAY("%d", dlinfo(x, RTLD_DI_SERINFOSIZE, &size));
    info = malloc(size.dls_size);
    dlinfo(x, RTLD_DI_SERINFOSIZE, info);
    SAY(" %d", dlinfo(x, RTLD_DI_SERINFO, info));
    SAY(" %s\n", info->dls_serpath[0].dls_name);
    SAY("%d\n", dlinfo(x, 999, &space));
    SAY("%s\n", dlerror());
}
