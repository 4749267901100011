package main

/*
#include "behaviour.h"
*/
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// call_back calls the host's function with each number below count and adds up its answers.
//
//export call_back
func call_back(function C.callback, context unsafe.Pointer, count int32) int64 {
	var sum int64
	for i := int32(0); i < count; i++ {
		sum += int64(C.invoke(function, C.int(i), context))
	}
	return sum
}

// call_back_from_goroutines does so from several goroutines at once.
//
//export call_back_from_goroutines
func call_back_from_goroutines(function C.callback, context unsafe.Pointer, count int32) int64 {
	var (
		group sync.WaitGroup
		sum   atomic.Int64
	)
	for i := int32(0); i < count; i++ {
		group.Add(1)
		go func(n int32) {
			defer group.Done()
			sum.Add(int64(C.invoke(function, C.int(n), context)))
		}(i)
	}
	group.Wait()
	return sum.Load()
}

// there_and_back goes from Go to C to Go, depth times.
//
//export there_and_back
func there_and_back(depth int32) int32 {
	if depth == 0 {
		return 0
	}
	return 1 + int32(C.into_go(C.int(depth-1)))
}

// c_thread lets C start a thread of its own that calls back into Go, and waits for it.
//
//export c_thread
func c_thread(count int32) int64 {
	before := foreign.Load()
	C.call_from_threads(C.int(count))
	return foreign.Load() - before
}

// error_of_c is Go's view of errno after a C function failed.
//
//export error_of_c
func error_of_c(number int32) *C.char {
	_, err := C.fail_with(C.int(number))
	if err == nil {
		return C.CString("no error")
	}
	return C.CString(err.Error())
}

// errno_is_per_thread answers how many of count goroutines saw the errno they had set: all.
//
//export errno_is_per_thread
func errno_is_per_thread(count int32) int32 {
	var (
		group sync.WaitGroup
		right atomic.Int32
	)
	for i := int32(0); i < count; i++ {
		group.Add(1)
		go func(n int32) {
			defer group.Done()
			runtime.LockOSThread()
			C.fail_with(C.int(n))
			time.Sleep(time.Millisecond)
			if int32(C.current_errno()) == n {
				right.Add(1)
			}
			runtime.UnlockOSThread()
		}(i + 1)
	}
	group.Wait()
	return right.Load()
}

//export c_sum
func c_sum(values []int32) int64 {
	return int64(C.sum_of((*C.int)(unsafe.Pointer(&values[0])), C.int(len(values))))
}

func gettid() int { return int(C.thread_id()) }
