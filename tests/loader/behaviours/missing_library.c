// What is said of files that are not there, or are no libraries.
#include "behaviour.h"
//= text libtext.so just text, and long enough to be taken for a header, as it holds more than sixty-four characters in all
//= text libshort.so short
//= stub/libgone.so
int gone(void) { return 1; }
//= libneeds.so needs=stub/libgone.so
int gone(void);
int x(void) { return gone(); }
//= main
int main(void) {
    const char *names[] = {"./libnone.so", "libnone.so", "./libtext.so", "./libshort.so", ".", "./main", "./libneeds.so", "", "/"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        void *x = dlopen(names[i], RTLD_NOW);
        SAY("%s: %s\n", names[i], x ? "opened" : dlerror());
    }
    SAY("%s\n", dlopen("./libnone.so", RTLD_NOLOAD) ? "opened" : dlerror());
    SAY("%s\n", dlopen("./libnone.so", 0) ? "opened" : dlerror());
}
