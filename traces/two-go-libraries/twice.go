// Package main is the second Go library of the process.
package main

import "C"

//export twice
func twice(n int) int { return 2 * n }

func main() {}
