// Package main is the sample: a small Go shared library (go build -buildmode=c-shared). It leaves out package fmt,
// which would double its size.
package main

import "C"

import (
	"os"
	"strconv"
	"strings"
)

// greeting is made by init, which runs on a thread of Go's own while the loader goes on.
var greeting string

func init() {
	words := make(chan string)
	go func() { words <- "hello, " }()
	greeting = <-words
}

//export add
func add(a, b int) int { return a + b }

// greet answers a new C string, which the caller frees.
//
//export greet
func greet(name *C.char) *C.char { return C.CString(greeting + C.GoString(name)) }

// sum adds the numbers from 1 to n, each sent by a goroutine of its own.
//
//export sum
func sum(n int) int {
	numbers := make(chan int)
	for i := 1; i <= n; i++ {
		go func(i int) { numbers <- i }(i)
	}
	total := 0
	for i := 0; i < n; i++ {
		total += <-numbers
	}
	return total
}

// divide answers the quotient as text, or the words of the panic that it recovers from.
//
//export divide
func divide(a, b int) (text *C.char) {
	defer func() {
		if problem := recover(); problem != nil {
			text = C.CString(problem.(error).Error())
		}
	}()
	return C.CString(strconv.Itoa(a / b))
}

// args is what Go found as its arguments.
//
//export args
func args() *C.char { return C.CString(strings.Join(os.Args, " ")) }

//export env
func env(name *C.char) *C.char { return C.CString(os.Getenv(C.GoString(name))) }

func main() {}
