// Addresses in a read-only segment (DT_TEXTREL): written, and read-only again afterwards.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so -Wl,-z,notext
int value = 9;
__attribute__((visibility("hidden"))) int local = 4;
#if __SIZEOF_POINTER__ == 8
__asm__(".text\n.balign 8\n.globl table\ntable: .quad value\n .quad local\n");
#else
__asm__(".text\n.balign 4\n.globl table\ntable: .word value\n .word local\n");
#endif
extern int *const table[2] __attribute__((visibility("hidden")));
int x(void) { return *table[0] * 10 + *table[1]; }
const void *where(void) { return table; }
//= main
static sigjmp_buf back;
static void fault(int s) { siglongjmp(back, 1); }
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW);
    SAY("%d\n", call(x, "x"));
    signal(SIGSEGV, fault);
    if (!sigsetjmp(back, 1)) {
        **(char **)(void *[]){((void *(*)(void))dlsym(x, "where"))()} = 0;
        SAY("writable\n");
    } else
        SAY("read-only\n");
}
