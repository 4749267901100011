/* dlfcn.h and link.h, with thread-local data of an opened library. argv[1]: the library. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

static int (*add_tls)(int), (*large)(int);
static const char *(*hidden_text)(void);
static void *library;

int in_program(void) { return 1; }

static void *in_thread(void *n) {
    int a = add_tls((int)(intptr_t)n), b = add_tls(100);
    int *address = dlsym(library, "dynamic_tls");
    return (void *)(intptr_t)(a == 11 + (int)(intptr_t)n && b == a + 100 && address && *address == b && !strcmp(hidden_text(), "hidden") && large(1999) == 4);
}

struct found { int objects, library, with_tls; uintptr_t address; };
static int count(struct dl_phdr_info *i, size_t size, void *data) {
    struct found *f = data;
    f->objects++;
    for (int k = 0; k < i->dlpi_phnum; k++) {
        const ElfW(Phdr) *p = &i->dlpi_phdr[k];
        if (p->p_type == PT_LOAD && f->address - i->dlpi_addr - p->p_vaddr < p->p_memsz) {
            f->library++;
            f->with_tls = i->dlpi_tls_modid != 0;
            return strstr(i->dlpi_name, "dynamic_library") ? 77 : 66;
        }
    }
    return 0;
}

static void *fails_elsewhere(void *unused) {
    dlopen("libnothing_here.so", RTLD_NOW);
    return (void *)(intptr_t)(dlerror() != 0);
}

int main(int argc, char **argv) {
    SAY("missing: %d", dlopen("libnothing_here.so", RTLD_NOW) == 0);
    char *e = dlerror();
    SAY(" %s", e && strstr(e, "libnothing_here.so") ? "named" : "?");
    SAY(", then %d\n", dlerror() == 0);
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        SAY("%s\n", dlerror());
        return 1;
    }
    SAY("again: %d, not loaded: %d\n", dlopen(argv[1], RTLD_LAZY) == library, dlopen("libnothing_here.so", RTLD_NOW | RTLD_NOLOAD) == 0);
    dlerror();
    add_tls = (int (*)(int))dlsym(library, "add_tls");
    large = (int (*)(int))dlsym(library, "large");
    hidden_text = (const char *(*)(void))dlsym(library, "hidden_text");
    int (*function)(void) = (int (*)(void))dlsym(library, "library_function");
    SAY("call: %d, weak and absent %d\n", function(), ((int (*)(void))dlsym(library, "has_absent"))());
    SAY("no symbol: %d", dlsym(library, "no_such_symbol") == 0);
    e = dlerror();
    SAY(" %s\n", e && strstr(e, "no_such_symbol") ? "named" : "?");
    SAY("default: libc %d, not the library's %d\n", dlsym(RTLD_DEFAULT, "malloc") != 0, dlsym(RTLD_DEFAULT, "library_function") == 0);
    SAY("next: %d\n", dlsym(RTLD_NEXT, "printf") != 0);
    void *program = dlopen(0, RTLD_NOW);
    SAY("program: %d\n", program && dlsym(program, "printf") != 0);
    SAY("main: tls %d %d %s\n", add_tls(1), large(0), hidden_text());
    pthread_t t[3];
    int fine = 0;
    for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, in_thread, (void *)(intptr_t)(i + 1));
    for (int i = 0; i < 3; i++) {
        void *r;
        pthread_join(t[i], &r);
        fine += r == (void *)1;
    }
    SAY("threads: %d, here %d\n", fine, add_tls(0));
    Dl_info info;
    int r = dladdr((void *)((uintptr_t)function + 1), &info);
    SAY("dladdr: %d %s %d %s\n", r != 0, info.dli_sname ? info.dli_sname : "?", info.dli_saddr == (void *)function, strstr(info.dli_fname, "dynamic_library") ? "named" : "?");
    SAY("dladdr of nothing: %d\n", dladdr((void *)16, &info));
    struct found f = {.address = (uintptr_t)function};
    r = dl_iterate_phdr(count, &f);
    SAY("dl_iterate_phdr: %d, %d, tls %d\n", r, f.library, f.with_tls);
    struct link_map *map = 0;
    r = dlinfo(library, RTLD_DI_LINKMAP, &map);
    SAY("dlinfo: %d %s\n", r, map && strstr(map->l_name, "dynamic_library") ? "named" : "?");
    pthread_create(&t[0], 0, fails_elsewhere, 0);
    void *there;
    pthread_join(t[0], &there);
    SAY("errors are per thread: %d %d\n", there != 0, dlerror() == 0);
    SAY("close: %d", dlclose(library));
    SAY(" and the last %d\n", dlclose(library));
    SAY("closed\n");
    return 0;
}
