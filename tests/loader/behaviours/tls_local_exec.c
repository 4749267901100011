// Local-exec access: the program's own block lies at a fixed place from the thread pointer.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so
__thread long library = 1;
//= main needs=libx.so -ftls-model=local-exec
static __thread int a = 5;
static __thread __attribute__((aligned(32))) char block[32] = "image";
extern __thread long library __attribute__((tls_model("initial-exec")));
static void *use(void *p) {
    SAY("%d %s %d %ld\n", a++, block, (int)((uintptr_t)block % 32), library++);
    block[0] = 'I';
    return p;
}
int main(void) { use(0); in_thread(use, 0); use(0); }
