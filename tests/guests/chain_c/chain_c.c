/* The end of a chain of dependencies: chain_a needs chain_b, which needs this. Each writes down when it starts. */
#include <stdio.h>
#include <string.h>

static char order[1000];

void chain_note(const char *words) { snprintf(order + strlen(order), sizeof order - strlen(order), "%s ", words); }
const char *chain_order(void) { return order; }
int chain_c_value(void) { return 3; }

/* A weak function that chain_a defines as well: the first in the search scope wins. */
__attribute__((weak)) const char *chain_who(void) { return "c"; }
const char *chain_who_seen_by_c(void) { return chain_who(); }

/* The linker makes DT_INIT and DT_FINI of these names. Constructors with a priority come in its order, then the rest. */
void _init(void) { chain_note("c.DT_INIT"); }
void _fini(void) { puts("c.DT_FINI"); }
__attribute__((constructor(300))) static void third(void) { chain_note("c.300"); }
__attribute__((constructor(101))) static void first(void) { chain_note("c.101"); }
__attribute__((constructor)) static void last(void) { chain_note("c.last"); }
__attribute__((destructor)) static void end(void) { puts("c.destructor"); }
__attribute__((destructor(101))) static void end_of_first(void) { puts("c.destructor.101"); }
