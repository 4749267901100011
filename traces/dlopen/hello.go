// Package main is the smallest Go library that can be called: several scenarios use it.
package main

import "C"

//export add
func add(a, b int) int { return a + b }

func main() {}
