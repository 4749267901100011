// Variables are never bound lazily: a missing one is found when the library is opened.
#include "behaviour.h"
//= libx.so -Wl,-z,lazy -Wl,-z,undefs
extern int gone;
int missing(void);
int x(void) { return gone + missing(); }
//= main
int main(void) { SAY("%d\n", must_open("./libx.so", RTLD_LAZY) == 0); }
