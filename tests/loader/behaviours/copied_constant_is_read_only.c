// A COPY of a constant with relocations lies in what RELRO protects.
#include "behaviour.h"
//= libx.so
static int value = 3;
int *const pointer = &value;
//= main needs=libx.so cc=gcc -no-pie -fno-pie -Wl,-z,relro,-z,now
extern int *const pointer;
static sigjmp_buf back;
static void fault(int s) { siglongjmp(back, 1); }
int main(void) {
    signal(SIGSEGV, fault);
    SAY("%d\n", *pointer);
    if (!sigsetjmp(back, 1)) {
        *(int **)&pointer = 0;
        SAY("writable\n");
    } else
        SAY("read-only\n");
}
