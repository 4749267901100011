// Package main sleeps while it is initialised.
package main

import "C"

import "time"

var slept time.Duration

func init() {
	start := time.Now()
	time.Sleep(time.Millisecond)
	slept = time.Since(start)
}

//export microseconds
func microseconds() int { return int(slept.Microseconds()) }

func main() {}
