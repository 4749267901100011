// dladdr: the symbol whose extent holds the address, none between symbols; dladdr1 gives entry and link map.
#include "behaviour.h"
//= libx.so
int array[10] = {1};
int function(void) { return 1; }
static int hidden = 3;
int *inside(void) { return &hidden; }
__asm__(".text\n.globl nosize\n.type nosize,%function\nnosize: .space 32\n");
//= main
static void ask(void *address, const char *what) {
    Dl_info info = {0};
    int found = dladdr(address, &info);
    SAY("%s: %d %s %s %d\n", what, found != 0, found ? strrchr(info.dli_fname, '/') : "-", info.dli_sname ? info.dli_sname : "-",
        info.dli_saddr ? (int)((char *)address - (char *)info.dli_saddr) : -1);
}
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW);
    char *array = dlsym(x, "array");
    ask(array, "array");
    ask(array + 39, "its last byte");
    ask(array + 40, "behind it");
    ask((char *)((uintptr_t)dlsym(x, "function") & ~1) + 2, "function");
    ask(((void *(*)(void))dlsym(x, "inside"))(), "static variable");
    ask((char *)((uintptr_t)dlsym(x, "nosize") & ~1), "symbol without size");
    ask((char *)((uintptr_t)dlsym(x, "nosize") & ~1) + 8, "behind a symbol without size");
    int local;
    SAY("stack: %d, null: %d\n", dladdr(&local, &(Dl_info){0}), dladdr(0, &(Dl_info){0}));
    Dl_info info;
    ElfW(Sym) *symbol = 0;
    struct link_map *map = 0;
    SAY("%d", dladdr1(array, &info, (void **)&symbol, RTLD_DL_SYMENT));
    SAY(" %d\n", symbol ? (int)symbol->st_size : -1);
    SAY("%d", dladdr1(array, &info, (void **)&map, RTLD_DL_LINKMAP));
    SAY(" %d %d\n", map == x, map && (char *)map->l_addr == (char *)info.dli_fbase);
}
