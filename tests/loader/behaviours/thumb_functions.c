// A Thumb function's address has its lowest bit set, however it is found.
#include "behaviour.h"
//= targets armv7-gnueabihf
//= libx.so cc=gcc -mthumb
int thumb(void) { return 5; }
int (*in_data)(void) = thumb;
//= main needs=libx.so -marm
int thumb(void);
extern int (*in_data)(void);
int main(void) {
    Dl_info info;
    SAY("%d %d %d\n", (int)(uintptr_t)dlsym(RTLD_DEFAULT, "thumb") & 1, (int)(uintptr_t)in_data & 1, in_data == thumb);
    SAY("%d %d\n", thumb(), in_data());
    int found = dladdr((void *)in_data, &info);
    SAY("%d %s %d\n", found != 0, info.dli_sname, info.dli_saddr == (void *)in_data);
}
