// Package main asks C for a number while it is initialised.
package main

/*
#include <unistd.h>

static int number(void) {
	static const char words[] = "C was asked\n";
	write(1, words, sizeof words - 1);
	return 42;
}
*/
import "C"

var answer = int(C.number())

//export get
func get() int { return answer }

func main() {}
