// An undefined weak variable through a descriptor is at address 0.
#include "behaviour.h"
//= targets amd64-gnu armv7-gnueabihf
//= libx.so cc=gcc -mtls-dialect=gnu2
extern __thread int nowhere __attribute__((weak));
int x(void) { return &nowhere == 0; }
//= main
int main(void) { SAY("%d\n", call(must_open("./libx.so", RTLD_NOW), "x")); }
