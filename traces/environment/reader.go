// Package main reads what the process was given while it is initialised.
package main

import "C"

import "os"

var words, home = len(os.Args), os.Getenv("HOME")

//export arguments
func arguments() int { return words }

//export has_home
func has_home() bool { return home == "/home/gopher" }

func main() {}
