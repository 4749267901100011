/* Linked to chain_a: prints in which order its chain of libraries started, who won a name, and data they share. */
#include <stdio.h>

const char *chain_order(void);
const char *chain_a_scope(void);
int chain_a_value(void);
extern int chain_b_counter; /* reached by a COPY relocation when the program is not position independent */

__attribute__((constructor)) static void start(void) { printf("program's constructor\n"); }
__attribute__((destructor)) static void end(void) { printf("program's destructor\n"); }

int main(void) {
    printf("order: %s\n", chain_order());
    printf("scope: %s\n", chain_a_scope());
    printf("value: %d\n", chain_a_value());
    printf("counter: %d\n", chain_b_counter);
    chain_b_counter = 1000;
    printf("value: %d\n", chain_a_value());
    return 0;
}
