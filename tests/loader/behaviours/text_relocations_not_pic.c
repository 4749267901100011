// A library compiled without -fPIC: its code holds addresses of its own data, of another library's, and of functions.
#include "behaviour.h"
//= targets armv7-gnueabihf
//= liby.so
int data = 7;
int y(void) { return data; }
//= libx.so needs=liby.so cc=gcc -fno-pic -marm -march=armv6+fp -Wl,-z,notext
extern int data;
int y(void);
int own = 1;
static int hidden = 2;
int x(void) { return data + own++ + hidden++ + y() + (y == dlsym(RTLD_DEFAULT, "y")); }
//= main needs=libx.so,liby.so
int x(void);
int main(void) { SAY("%d %d\n", x(), x()); }
