// Package main is a library whose initialisation never ends: each call waits for it for ever.
package main

import "C"

var nobody = make(chan int)

func init() { <-nobody }

//export add
func add(a, b int) int { return a + b }

func main() {}
