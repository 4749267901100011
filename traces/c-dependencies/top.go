// Package main has what the C libraries' constructors made.
package main

/*
extern int first_ready;
int second_sum(void);
*/
import "C"

var ready, sum = int(C.first_ready), int(C.second_sum())

//export get
func get() int { return ready * sum }

func main() {}
