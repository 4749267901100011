// A program whose library is not there does not start.
#include "behaviour.h"
//= stub/libgone.so
int gone(void) { return 1; }
//= main needs=stub/libgone.so
int gone(void);
int main(void) { return gone(); }
