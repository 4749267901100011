// DT_DEBUG leads to r_debug, that to the link maps: the program first, then what is loaded, without what has gone.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so
int x(void) { return 1; }
static struct r_debug *debug(void);
__attribute__((constructor)) static void begin(void) { SAY("state in a constructor %d\n", debug()->r_state); }
__attribute__((destructor)) static void end(void) { SAY("state in a destructor %d\n", debug()->r_state); }
static struct r_debug *debug(void) { return *(struct r_debug **)dlsym(RTLD_DEFAULT, "found_debug"); }
//= main -Wl,-E
struct r_debug *found_debug;
static void list(void) {
    struct link_map *before = 0;
    for (struct link_map *m = found_debug->r_map; m; before = m, m = m->l_next) {
        const char *name = strrchr(m->l_name, '/');
        if (m == found_debug->r_map) SAY("program '%s' %d\n", m->l_name, m->l_ld == _DYNAMIC);
        else if (name && !strncmp(name, "/libx", 5)) SAY("%s %d\n", name, m->l_ld->d_tag != 0);
        if (m->l_prev != before) SAY("broken chain\n");
    }
    SAY("state %d\n", found_debug->r_state);
}
int main(void) {
    for (ElfW(Dyn) *d = _DYNAMIC; d->d_tag; d++)
        if (d->d_tag == DT_DEBUG) found_debug = (void *)d->d_un.d_ptr;
    SAY("version %d, breakpoint %d\n", found_debug->r_version, found_debug->r_brk != 0);
    SAY("%d\n", found_debug == dlsym(RTLD_DEFAULT, "_r_debug"));
    list();
    void *x = must_open("./libx.so", RTLD_NOW);
    list();
    dlclose(x);
    list();
}
