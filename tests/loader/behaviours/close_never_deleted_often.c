// A library that is never deleted may be closed as often as one likes; another only as often as it was opened.
#include "behaviour.h"
//= libflag.so -Wl,-z,nodelete
int flag;
//= libplain.so
int plain;
//= liblinked.so
int linked(void) { return 1; }
//= main needs=liblinked.so
int linked(void);
static void often(const char *name, void *handle) {
    for (int i = 0; i < 3; i++) {
        int result = dlclose(handle);
        SAY("%s %d %s\n", name, result, result ? dlerror() : "");
        if (result) break;
    }
}
int main(void) {
    linked();
    often("flag", must_open("./libflag.so", RTLD_NOW));
    void *plain = must_open("./libplain.so", RTLD_NOW);
    must_open("./libplain.so", RTLD_NOW | RTLD_NODELETE);
    often("mode", plain);
    often("linked", must_open("liblinked.so", RTLD_NOW | RTLD_NOLOAD));
    often("program", must_open(0, RTLD_NOW));
}
