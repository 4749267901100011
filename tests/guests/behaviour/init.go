package main

/*
#include "behaviour.h"
*/
import "C"

import (
	"os"
	"strings"
	"time"
)

var initialised []string

func note(words string) { initialised = append(initialised, words) }

// Package variables come before init functions, and those run in the order of the files.
var early = func() int { note("variable"); return 1 }()

func init() {
	answers := make(chan string)
	go func() { answers <- "goroutine" }()
	note(<-answers)
}

func init() {
	start := time.Now()
	time.Sleep(5 * time.Millisecond)
	if time.Since(start) >= 5*time.Millisecond {
		note("slept")
	}
}

func init() {
	if C.sum_of((*C.int)(&[]C.int{1, 2, 3}[0]), 3) == 6 {
		note("called C")
	}
}

func init() {
	if C.into_go(2) == 2 {
		note("called back")
	}
	if len(os.Args) > 0 {
		note("has arguments")
	}
}

// init_report tells what the init functions did, in their order.
//
//export init_report
func init_report() *C.char { return C.CString(strings.Join(initialised, ", ")) }
