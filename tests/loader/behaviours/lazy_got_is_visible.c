// A lazily bound slot points into its own object before the first call, at the function after it.
#include "behaviour.h"
//= libx.so
int x(void) { return 4; }
//= main needs=libx.so -Wl,-z,lazy
int x(void);
static uintptr_t slot_of(const char *name) {
    extern ElfW(Dyn) _DYNAMIC[];
    extern char __executable_start[];
    uintptr_t bias = 0, rel = 0, size = 0, symbols = 0, strings = 0, kind = 0;
    Dl_info info;
    dladdr(&_DYNAMIC, &info);
    for (ElfW(Dyn) *d = _DYNAMIC; d->d_tag; d++) {
        if (d->d_tag == DT_JMPREL) rel = d->d_un.d_ptr;
        if (d->d_tag == DT_PLTRELSZ) size = d->d_un.d_val;
        if (d->d_tag == DT_PLTREL) kind = d->d_un.d_val;
        if (d->d_tag == DT_SYMTAB) symbols = d->d_un.d_ptr;
        if (d->d_tag == DT_STRTAB) strings = d->d_un.d_ptr;
    }
    uintptr_t base = (uintptr_t)info.dli_fbase;
    size_t step = kind == DT_RELA ? 3 * sizeof(long) : 2 * sizeof(long);
    for (uintptr_t at = rel; at < rel + size; at += step) {
        ElfW(Rel) *r = (void *)at;
        ElfW(Sym) *s = (ElfW(Sym) *)symbols + (sizeof(long) == 8 ? (uint64_t)r->r_info >> 32 : r->r_info >> 8);
        if (!strcmp((char *)strings + s->st_name, name)) return base + r->r_offset;
    }
    return 0;
}
static const char *owner(uintptr_t slot) {
    Dl_info info;
    if (!dladdr(*(void **)slot, &info)) return "nobody";
    return strrchr(info.dli_fname, '/') ? strrchr(info.dli_fname, '/') + 1 : info.dli_fname;
}
int main(void) {
    uintptr_t slot = slot_of("x");
    SAY("%s\n", slot ? owner(slot) : "no slot");
    SAY("%d\n", x());
    SAY("%s %d\n", owner(slot), *(void **)slot == dlsym(RTLD_DEFAULT, "x"));
}
