// A library with -z nodlopen is not opened as a dependency either; one that is there already is.
#include "behaviour.h"
//= run ./libneedsno.so
//= run ./libno.so
//= run libstart.so
//= libno.so cc=gcc -Wl,-z,nodlopen
int no(void) { return 1; }
//= libstart.so cc=gcc -Wl,-z,nodlopen
int start(void) { return 1; }
//= libneedsno.so cc=gcc needs=libno.so -Wl,--no-as-needed
int n;
//= main cc=gcc needs=libstart.so -Wl,--no-as-needed
int main(int argc, char **argv) { SAY("%s\n", dlopen(argv[1], RTLD_NOW) ? "opened" : dlerror()); }
