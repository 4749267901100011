// Static TLS kept for opened libraries: how large a block may be beside that of the C library itself.
#include "behaviour.h"
//= run 1536
//= run 1664
//= run 1680
//= run 1712
//= run 1720
//= run 1728
//= lib1536.so -ftls-model=initial-exec -DSIZE=1536
__thread char block[SIZE]; char *get(void) { return block; }
//= lib1664.so -ftls-model=initial-exec -DSIZE=1664
__thread char block[SIZE]; char *get(void) { return block; }
//= lib1680.so -ftls-model=initial-exec -DSIZE=1680
__thread char block[SIZE]; char *get(void) { return block; }
//= lib1712.so -ftls-model=initial-exec -DSIZE=1712
__thread char block[SIZE]; char *get(void) { return block; }
//= lib1720.so -ftls-model=initial-exec -DSIZE=1720
__thread char block[SIZE]; char *get(void) { return block; }
//= lib1728.so -ftls-model=initial-exec -DSIZE=1728
__thread char block[SIZE]; char *get(void) { return block; }
//= main
int main(int argc, char **argv) {
    char name[32];
    sprintf(name, "./lib%s.so", argv[1]);
    SAY("%s\n", dlopen(name, RTLD_NOW) ? "opened" : dlerror());
}
