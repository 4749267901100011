// A library that passes floats in other registers than the process is no library, wherever it is found.
#include "behaviour.h"
//= targets armv7-gnueabihf
//= made libsoft.so flagged 5000200
//= made libhard.so flagged 5000400
//= made libneither.so flagged 5000000
//= made libold.so flagged 4000200
//= made first/libx.so flagged 5000200
//= made second/libx.so flagged 5000400
//= run ./libsoft.so
//= run ./libhard.so
//= run ./libneither.so
//= run ./libold.so
//= run libsoft.so
//= run libx.so LD_LIBRARY_PATH=first:second
//= main
int main(int argc, char **argv) { SAY("%s\n", dlopen(argv[1], RTLD_NOW) ? "opened" : dlerror()); }
