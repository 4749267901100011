// Priorities, then what has none; destructors the other way round; the program's after its libraries'.
#include "behaviour.h"
#define BOTH(name, priority) \
    __attribute__((constructor priority)) static void begin_##name(void) { SAY("begin " NAME " " #name "\n"); } \
    __attribute__((destructor priority)) static void end_##name(void) { SAY("end " NAME " " #name "\n"); }
//= libx.so
#define NAME "x"
BOTH(third, )
BOTH(second, (200))
BOTH(first, (150))
int x(void) { return 1; }
//= main needs=libx.so
#define NAME "main"
BOTH(second, (300))
BOTH(first, (101))
int x(void);
int main(void) { SAY("main %d\n", x()); }
