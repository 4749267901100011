package main

import "C"

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

//export arg
func arg(index int32) *C.char {
	if int(index) >= len(os.Args) {
		return C.CString("")
	}
	return C.CString(os.Args[index])
}

//export arg_count
func arg_count() int32 { return int32(len(os.Args)) }

//export environment
func environment(name *C.char) *C.char { return C.CString(os.Getenv(C.GoString(name))) }

//export go_getenv
func go_getenv(name string) *C.char {
	value, ok := os.LookupEnv(name)
	return C.CString(fmt.Sprint(value, " ", ok))
}

//export go_setenv
func go_setenv(name, value string) *C.char {
	if err := os.Setenv(name, value); err != nil {
		return C.CString(err.Error())
	}
	return C.CString(os.Getenv(name))
}

//export read_file
func read_file(path string) *C.char {
	data, err := os.ReadFile(path)
	if err != nil {
		return C.CString(err.Error())
	}
	return C.CString(string(data))
}

// write_file writes, appends to, reads back and removes a file, and answers what it read.
//
//export write_file
func write_file(path, text string) *C.char {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return C.CString(err.Error())
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return C.CString(err.Error())
	}
	_, _ = file.WriteString("+" + text)
	_ = file.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		return C.CString(err.Error())
	}
	if err := os.Remove(path); err != nil {
		return C.CString(err.Error())
	}
	return C.CString(string(data))
}

// through_pipe sends lines through an operating-system pipe between two goroutines and counts them.
//
//export through_pipe
func through_pipe(lines int32) int32 {
	reader, writer, err := os.Pipe()
	if err != nil {
		return -1
	}
	go func() {
		for i := int32(0); i < lines; i++ {
			fmt.Fprintln(writer, "line", i)
		}
		_ = writer.Close()
	}()
	count := int32(0)
	for scanner := bufio.NewScanner(reader); scanner.Scan(); {
		if strings.HasPrefix(scanner.Text(), "line ") {
			count++
		}
	}
	return count
}

// prints writes a line to standard output and one to standard error.
//
//export prints
func prints(words string) {
	fmt.Println("stdout:", words)
	fmt.Fprintln(os.Stderr, "stderr:", words)
}

// prints_low uses the runtime's own print, which writes to standard error without package os.
//
//export prints_low
func prints_low(number int64) { println("runtime print", number, true, 2.5) }

//export platform
func platform() *C.char {
	return C.CString(fmt.Sprint(runtime.GOOS, " ", runtime.GOARCH, " ", runtime.Compiler))
}

//export go_version
func go_version() *C.char { return C.CString(runtime.Version()) }
