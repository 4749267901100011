// Package main is a library with a C constructor that runs before Go's own and calls an export: the export waits for
// a runtime that only the next constructor would start.
package main

import "C"

//export add
func add(a, b int32) int32 { return a + b }

//export early_sum
func early_sum() int32 { return int32(sumOfConstructor()) }

func main() {}
