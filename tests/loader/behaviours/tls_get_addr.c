// __tls_get_addr called with a module's number from dl_iterate_phdr; dlinfo and dlsym give the same block.
#include "behaviour.h"
//= libx.so
__thread int value[4] = {1, 2, 3, 4};
int *where(void) { return value; }
//= main
extern void *__tls_get_addr(size_t *);
static int found(struct dl_phdr_info *info, size_t size, void *out) {
    if (strstr(info->dlpi_name, "libx")) {
        size_t index[2] = {info->dlpi_tls_modid, 0};
        SAY("block before use %d\n", info->dlpi_tls_data != 0);
        *(void **)out = __tls_get_addr(index);
    }
    return 0;
}
static void *use(void *x) {
    void *block = 0, *data = 0;
    int *(*where)(void) = dlsym(x, "where");
    SAY("no block yet %d %d\n", dlinfo(x, RTLD_DI_TLS_DATA, &data), data == 0);
    dl_iterate_phdr(found, &block);
    dlinfo(x, RTLD_DI_TLS_DATA, &data);
    SAY("%d %d %d %d\n", block == where(), data == block, dlsym(x, "value") == block, ((int *)block)[3]);
    return 0;
}
int main(void) { void *x = must_open("./libx.so", RTLD_NOW); use(x); in_thread(use, x); }
