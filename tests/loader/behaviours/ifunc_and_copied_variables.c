// A program at fixed addresses with a resolver and copies of the C library's variables: these are right when main begins.
#include "behaviour.h"
//= run word MARK=1
//= main cc=gcc -no-pie -fno-pie
extern char **environ;
static int two(void) { return 2; }
static void *choose(void) { return two; }
static int chosen(void) __attribute__((ifunc("choose")));
int main(int argc, char **argv) {
    int marked = 0;
    for (char **e = environ; e && *e; e++) marked += !strcmp(*e, "MARK=1");
    fprintf(stdout, "%d %d %d %s\n", chosen(), marked, argc, argv[1]);
}
