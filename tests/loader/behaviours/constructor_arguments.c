// Constructors are passed argc, argv and envp, also those of opened libraries.
#include "behaviour.h"
//= run one two MARK=1
__attribute__((constructor)) static void begin(int argc, char **argv, char **envp) {
    int marked = 0;
    for (char **e = envp; *e; e++) marked += !strcmp(*e, "MARK=1");
    SAY("%d %s %d\n", argc, argv[argc - 1], marked);
}
//= libx.so
int x(void) { return 1; }
//= main
int main(void) { SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "x")); }
