#include <stdio.h>

void chain_note(const char *words);
const char *chain_who_seen_by_c(void);
int chain_b_value(void);
extern int chain_b_counter;

const char *chain_who(void) { return "a"; }
int chain_a_value(void) { return chain_b_value() + ++chain_b_counter; }
const char *chain_a_scope(void) { return chain_who_seen_by_c(); }

__attribute__((constructor)) static void start(void) { chain_note("a.constructor"); }
__attribute__((destructor)) static void end(void) { puts("a.destructor"); }
