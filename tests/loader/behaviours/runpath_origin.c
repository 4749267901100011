// DT_RUNPATH with $ORIGIN: from the folder of the file that has it, also through further libraries.
#include "behaviour.h"
//= sub/deep/libc_.so
int c(void) { return 3; }
//= sub/libb.so needs=sub/deep/libc_.so -Wl,-rpath,$ORIGIN/deep -Wl,--enable-new-dtags
int c(void);
int b(void) { return 20 + c(); }
//= main needs=sub/libb.so -Wl,-rpath,${ORIGIN}/sub -Wl,--enable-new-dtags -Wl,--allow-shlib-undefined
int b(void);
int main(void) {
    Dl_info info;
    SAY("%d\n", b());
    dladdr(b, &info);
    SAY("%s\n", strstr(info.dli_fname, "/sub/libb.so"));
}
