package main

/*
#include "behaviour.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"unsafe"
)

// caught runs a function and answers the words of its panic.
func caught(body func()) (words *C.char) {
	defer func() {
		err := recover()
		if _, ok := err.(runtime.Error); ok {
			words = C.CString(fmt.Sprint(err))
		} else {
			words = C.CString(fmt.Sprint("not a runtime error: ", err))
		}
	}()
	body()
	return
}

var nowhere *[64]int32

//export nil_dereference
func nil_dereference() *C.char { return caught(func() { nowhere[8] = 1 }) }

//export nil_read
func nil_read() *C.char { return caught(func() { sink = uint64(nowhere[3]) }) }

type shape interface{ area() float64 }

//export nil_method
func nil_method() *C.char {
	var nothing shape
	return caught(func() { fmt.Println(nothing.area()) })
}

//export divide_by_zero
func divide_by_zero(a, b int32) *C.char { return caught(func() { sink = uint64(a / b) }) }

//export divide_by_zero_wide
func divide_by_zero_wide(a, b int64) *C.char { return caught(func() { sink = uint64(a / b) }) }

//export out_of_range
func out_of_range(index int32) *C.char {
	list := make([]int32, 3)
	return caught(func() { list[index]++ })
}

//export bad_assertion
func bad_assertion() *C.char {
	var value any = "text"
	return caught(func() { sink = value.(uint64) })
}

//export nil_map
func nil_map() *C.char {
	var empty map[string]int
	return caught(func() { empty["a"] = 1 })
}

//export closed_channel
func closed_channel() *C.char {
	channel := make(chan int)
	close(channel)
	return caught(func() { channel <- 1 })
}

// bad_address reads at an address where nothing is mapped, with faults turned into panics.
//
//export bad_address
func bad_address(address uintptr) *C.char {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return caught(func() { sink = uint64(*(*uint32)(unsafe.Pointer(address))) })
}

// nested_panic panics while a panic unwinds, and recovers both.
//
//export nested_panic
func nested_panic() (words *C.char) {
	defer func() { words = C.CString(fmt.Sprint("outer: ", recover())) }()
	defer func() {
		inner := recover()
		panic(fmt.Sprint("second after ", inner))
	}()
	panic("first")
}

// wrapped_errors uses errors.Is and errors.As.
//
//export wrapped_errors
func wrapped_errors() *C.char {
	_, err := os.Open("/no/such/file")
	wrapped := fmt.Errorf("wrapped: %w", err)
	var path *os.PathError
	return C.CString(fmt.Sprint(wrapped, " ", errors.Is(wrapped, os.ErrNotExist), " ", errors.As(wrapped, &path)))
}

// stack_names is the list of functions a goroutine's own traceback shows.
//
//export stack_names
func stack_names() *C.char {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var names []string
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "main.") {
			names = append(names, fmt.Sprint(frame.Function, ":", frame.Line))
		}
		if !more {
			return C.CString(strings.Join(names, " "))
		}
	}
}

// panics ends the process: nobody recovers.
//
//export panics
func panics(words string) { panic(words) }

// panics_in_goroutine does so on a thread of Go's own.
//
//export panics_in_goroutine
func panics_in_goroutine() {
	go func() { nowhere[0] = 1 }()
	select {}
}

// faults_in_c reads through a bad pointer in C code called from Go.
//
//export faults_in_c
func faults_in_c() int32 { return int32(C.read_at(nil)) }

// aborts_in_c calls abort() in C code called from Go.
//
//export aborts_in_c
func aborts_in_c() { C.end_by_abort() }

// spins never returns and makes no system call.
//
//export spins
func spins() {
	for {
		sink++
	}
}

// blocks never returns: it waits for a channel that nobody else has.
//
//export blocks
func blocks() { <-make(chan int) }

// overflows the goroutine's stack, which Go cannot recover from.
//
//export overflows
func overflows() int32 {
	debug.SetMaxStack(1 << 20)
	return recurse(1<<30, new([16]int32))
}

//export exits
func exits(status int32) { os.Exit(int(status)) }
