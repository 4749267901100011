// The same in an opened library, a versioned reference among them.
#include "behaviour.h"
//= run plain
//= run versioned
//= text V V1 { global: gone; };
//= stub/libv.so cc=gcc -Wl,--version-script=V
int gone(void) { return 1; }
//= libv.so
int other(void) { return 1; }
//= libx.so needs=stub/libv.so -Wl,-z,lazy -Wl,-z,undefs
int gone(void);
int missing(void);
int plain(void) { return missing(); }
int versioned(void) { return gone(); }
//= main
int main(int argc, char **argv) { SAY("%d\n", call(must_open("./libx.so", RTLD_LAZY), argv[1])); }
