// Package main lets goroutines do its initialisation.
package main

import "C"

var total int

func init() {
	numbers := make(chan int)
	for i := 1; i <= 4; i++ {
		go func() { numbers <- i }()
	}
	for range 4 {
		total += <-numbers
	}
}

//export sum
func sum() int { return total }

func main() {}
