// Package main is a library with a C constructor of priority 101, which no constructor of Go's comes before.
package main

import "C"

//export add
func add(a, b int) int { return a + b }

func main() {}
