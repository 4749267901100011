// $ORIGIN in LD_LIBRARY_PATH and in DT_RUNPATH and DT_RPATH, with and without braces; words that go on are others.
#include "behaviour.h"
//= run libx.so LD_LIBRARY_PATH=$ORIGIN/here
//= run libx.so LD_LIBRARY_PATH=${ORIGIN}/here
//= run libx.so LD_LIBRARY_PATH=$ORIGINAL/here
//= run libx.so LD_LIBRARY_PATH=/nowhere:./here/../here
//= run liby.so LD_LIBRARY_PATH=.
//= run libz.so LD_LIBRARY_PATH=.
//= here/libx.so
int x(void) { return 1; }
//= liby.so cc=gcc needs=here/libx.so -Wl,--no-as-needed,--enable-new-dtags,-rpath,${ORIGIN}/here
int y;
//= libz.so cc=gcc needs=here/libx.so -Wl,--no-as-needed,--disable-new-dtags,-rpath,$ORIGINS/here:$ORIGIN/here
int z;
//= main
int main(int argc, char **argv) { SAY("%s\n", dlopen(argv[1], RTLD_NOW) ? "opened" : dlerror()); }
