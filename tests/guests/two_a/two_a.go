// Package main is one of two Go libraries for the same process; two_b is the other.
package main

import "C"

import (
	"runtime"
	"sync/atomic"
)

var state = "a"

//export a_add
func a_add(a, b int32) int32 { return a + b }

//export a_state
func a_state() *C.char { return C.CString(state) }

//export a_goroutines
func a_goroutines(count int32) int64 {
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

// a_preempted needs SIGURG to reach this runtime. When the other library was loaded later, its handler has the
// signal, and the loop below is only left because it counts as well. The answer is 1 when it was preempted.
//
//export a_preempted
func a_preempted(turns int64) int32 {
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
