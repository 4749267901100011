// A weak reference that nobody defines is 0; one that a library opened before with RTLD_GLOBAL defines is found.
#include "behaviour.h"
//= libdefines.so
int function(void) { return 4; }
int number = 5;
//= libx.so
__attribute__((weak)) int function(void);
extern int number __attribute__((weak));
int x(void) { return (function ? function() : 0) * 10 + (&number ? number : 0); }
//= main
//= run absent
//= run present
int main(int argc, char **argv) {
    if (!strcmp(argv[1], "present")) must_open("./libdefines.so", RTLD_NOW | RTLD_GLOBAL);
    SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "x"));
}
