// What was linked with -z now is bound when it is opened, lazily or not.
#include "behaviour.h"
//= libnow.so -Wl,-z,now -Wl,-z,undefs
int late(void);
int x(void) { return late(); }
//= main
int main(void) { must_open("./libnow.so", RTLD_LAZY); SAY("main ends\n"); }
