package main

/*
extern long add(long, long);

static long sum;

__attribute__((constructor(101))) static void begin(void) { sum = add(40, 2); }

static long get_sum(void) { return sum; }
*/
import "C"

var sum = C.get_sum()
