// Package main is one of two Go libraries for the same process; two_a is the other.
package main

import "C"

import (
	"runtime"
	"sync/atomic"
)

var state = "b"

//export b_add
func b_add(a, b int32) int32 { return a + b }

//export b_state
func b_state() *C.char { return C.CString(state) }

//export b_goroutines
func b_goroutines(count int32) int64 {
	results := make(chan int64)
	for i := int32(0); i < count; i++ {
		go func(n int64) { results <- n }(int64(i))
	}
	var sum int64
	for i := int32(0); i < count; i++ {
		sum += <-results
	}
	runtime.GC()
	return sum
}

// b_preempted needs SIGURG to reach this runtime. When the other library was loaded later, its handler has the
// signal, and the loop below is only left because it counts as well. The answer is 1 when it was preempted.
//
//export b_preempted
func b_preempted(turns int64) int32 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop atomic.Bool
	started, ended := make(chan struct{}), make(chan bool)
	go func() {
		close(started)
		x := int64(0)
		for x < turns && !stop.Load() {
			x++
		}
		ended <- x < turns
	}()
	<-started
	runtime.Gosched()
	stop.Store(true)
	if <-ended {
		return 1
	}
	return 0
}

func main() {}
