// A constructor's third argument is the environment as it is when the library is opened.
#include "behaviour.h"
//= libx.so
extern char **environ;
__attribute__((constructor)) static void begin(int argc, char **argv, char **envp) {
    int found = 0;
    for (char **e = envp; *e; e++) found += !strcmp(*e, "SET=later");
    SAY("%d %d\n", envp == environ, found);
}
//= main
extern char **environ;
int main(void) {
    char **before = environ;
    setenv("SET", "later", 1);
    SAY("%d\n", environ == before);
    must_open("./libx.so", RTLD_NOW);
}
