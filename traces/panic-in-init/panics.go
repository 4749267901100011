// Package main cannot be initialised.
package main

import "C"

func init() { panic("no luck today") }

//export add
func add(a, b int) int { return a + b }

func main() {}
