// Package main is a library whose exports share a table without any lock: who calls set and who calls get must see to it
// that the one comes before the other.
package main

import "C"

import "runtime"

var table [4]int32

//export set
func set(index, value int32) int32 {
	table[index] = value
	return value
}

// set_and_yield gives up its processor, which Go's scheduler then passes to whoever waits for one.
//
//export set_and_yield
func set_and_yield(index, value int32) int32 {
	table[index] = value
	runtime.Gosched()
	return value
}

//export get
func get(index int32) int32 { return table[index] }

func main() {}
