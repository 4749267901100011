// A version is asked for by name and hash: with a wrong hash it is not there.
#include "behaviour.h"
//= text v.map V1 { f; };
//= libv.so cc=gcc -Wl,--version-script=v.map
int f(void) { return 1; }
//= made libw.so wrong_hash
//= main
int main(void) { SAY("%s\n", dlopen("./libw.so", RTLD_NOW) ? "opened" : dlerror()); }
