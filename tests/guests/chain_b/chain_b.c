#include <stdio.h>

void chain_note(const char *words);
int chain_c_value(void);

int chain_b_counter = 100; /* data that others reach through their own tables */
int *chain_b_pointer = &chain_b_counter;

int chain_b_value(void) { return 20 + chain_c_value() + *chain_b_pointer; }

__attribute__((constructor)) static void start(int argc, char **argv, char **envp) {
    chain_note(argc >= 0 && argv != NULL && envp != NULL ? "b.with-arguments" : "b.without-arguments");
}
__attribute__((destructor)) static void end(void) { puts("b.destructor"); }
