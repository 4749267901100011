#include "_cgo_export.h"

#ifndef PRIORITY
#define PRIORITY 101
#endif

int sum_of_constructor;

__attribute__((constructor(PRIORITY))) static void early(void) { sum_of_constructor = add(40, 2); }
