// A fixed program that refers to _r_debug has a copy of it, which is kept up to date.
#include "behaviour.h"
//= libx.so
int x;
//= main cc=gcc -no-pie -fno-pic -fno-pie
static void say(const char *when) {
    int count = 0;
    for (struct link_map *m = _r_debug.r_map; m; m = m->l_next) count += m->l_name[0] == '.' || !m->l_name[0];
    SAY("%s: version %d, %d objects, state %d, %s\n", when, _r_debug.r_version > 0, count, _r_debug.r_state, _r_debug.r_brk ? "breakpoint" : "none");
}
int main(void) {
    say("start");
    void *x = must_open("./libx.so", RTLD_NOW);
    say("opened");
    for (ElfW(Dyn) *d = _DYNAMIC; d->d_tag; d++)
        if (d->d_tag == DT_DEBUG) SAY("DT_DEBUG is its own: %d\n", (struct r_debug *)d->d_un.d_ptr == &_r_debug);
    dlclose(x);
    say("closed");
}
