// _dl_find_object: what the unwinder asks for each frame (glibc manual, "Dynamic Linker Introspection").
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <link.h>

struct Wanted { const char *at; ElfW(Addr) tables; const char *name; };
static int look(dl_phdr_info *info, size_t, void *data) {
    Wanted *wanted = (Wanted *)data;
    bool inside = false;
    ElfW(Addr) tables = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) &header = info->dlpi_phdr[i];
        ElfW(Addr) start = info->dlpi_addr + header.p_vaddr;
        if (header.p_type == PT_LOAD && (ElfW(Addr))wanted->at - start < header.p_memsz) inside = true;
        if (header.p_type == DLFO_EH_SEGMENT_TYPE) tables = start;
    }
    if (inside) wanted->tables = tables, wanted->name = info->dlpi_name;
    return inside;
}
static void ask(const char *what, const void *address) {
    dl_find_object found;
    memset(&found, 0x55, sizeof found);
    int result = _dl_find_object((void *)address, &found);
    if (result) { printf("%s: %d\n", what, result); return; }
    Wanted wanted{(const char *)address, 0, ""};
    dl_iterate_phdr(look, &wanted);
    const char *end = strrchr(found.dlfo_link_map->l_name, '/');
    printf("%s: flags %d inside %d map %s tables %d name %d\n", what, (int)found.dlfo_flags,
           (const char *)found.dlfo_map_start <= wanted.at && wanted.at < (const char *)found.dlfo_map_end, end ? end + 1 : "",
           (ElfW(Addr))found.dlfo_eh_frame == wanted.tables, !strcmp(found.dlfo_link_map->l_name, wanted.name));
}

int main() {
    int local = 0;
    ask("program", (const void *)&ask);
    ask("libstdc++", dlsym(RTLD_DEFAULT, "__cxa_throw"));
    ask("nothing", nullptr);
    ask("stack", &local);
}
