// Package main is a library whose initialisation panics.
package main

import "C"

func init() { panic("not today") }

//export add
func add(a, b int32) int32 { return a + b }

func main() {}
