// Package main takes its time to initialise, and a call shows whether it had the time.
package main

import "C"

var primes []int

func init() {
	for n := 2; n < 2000; n++ {
		if isPrime(n) {
			primes = append(primes, n)
		}
	}
}

func isPrime(n int) bool {
	for _, p := range primes {
		if n%p == 0 {
			return false
		}
	}
	return true
}

//export prime
func prime(index int) int { return primes[index] }

func main() {}
