// What a resolver is told of the processor: nothing on x86, HWCAP on ARM, HWCAP with a mark and a structure on AArch64.
#include "behaviour.h"
//= also armv5-gnueabi
//= libx.so
struct argument { unsigned long size, hwcap, hwcap2; };
static unsigned long first;
static struct argument argument;
static int told(void) {
#if defined(__aarch64__)
    SAY("mark %d hwcap %d\n", (int)(first >> 62), (first & ~(1UL << 62)) == getauxval(AT_HWCAP));
    SAY("size %d hwcap %d hwcap2 %d\n", (int)(argument.size >= 24), argument.hwcap == getauxval(AT_HWCAP), argument.hwcap2 == getauxval(AT_HWCAP2));
#elif defined(__arm__)
    SAY("hwcap %d\n", first == getauxval(AT_HWCAP));
#endif
    return 1;
}
static void *choose(unsigned long a, const struct argument *b) {
    first = a;
#if defined(__aarch64__)
    argument = *b;
#endif
    return told;
}
__attribute__((visibility("hidden"))) int chosen(void) __attribute__((ifunc("choose")));
int x(void) { return chosen(); }
//= main
int main(void) { SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "x")); }
