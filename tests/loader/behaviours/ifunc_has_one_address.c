// Its address is what the resolver chose: in data, through the GOT, from dlsym.
#include "behaviour.h"
//= libx.so
static int two(void) { return 2; }
static void *choose(void) { return two; }
int chosen(void) __attribute__((ifunc("choose")));
int (*in_data)(void) = chosen;
void *target(void) { return two; }
int (*via_got(void))(void) { return chosen; }
//= main needs=libx.so
int chosen(void);
void *target(void);
extern int (*in_data)(void);
int (*via_got(void))(void);
static int (*here)(void) = chosen;
int main(void) {
    SAY("%d %d %d %d\n", in_data == target(), via_got() == target(), dlsym(RTLD_DEFAULT, "chosen") == target(), here == target());
    SAY("%d %d\n", in_data(), here());
}
