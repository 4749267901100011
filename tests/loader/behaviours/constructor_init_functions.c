// DT_INIT, then DT_INIT_ARRAY; DT_FINI_ARRAY, then DT_FINI. The program's DT_PREINIT_ARRAY before everything.
#include "behaviour.h"
#define FIRST(name) __attribute__((constructor)) static void array_begin(void) { SAY(name " init_array\n"); } \
                    __attribute__((destructor)) static void array_end(void) { SAY(name " fini_array\n"); }
//= libx.so cc=gcc -Wl,-init=begin -Wl,-fini=end
FIRST("x")
void begin(void) { SAY("x init\n"); }
void end(void) { SAY("x fini\n"); }
//= main needs=libx.so -Wl,--no-as-needed
FIRST("main")
static void early(int argc, char **argv, char **envp) { SAY("preinit %d %d\n", argc, argv != 0 && envp != 0); }
__attribute__((section(".preinit_array"), used)) static void (*preinit)(int, char **, char **) = early;
int main(void) { SAY("main\n"); }
