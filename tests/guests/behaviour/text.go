package main

/*
#include <stdlib.h>
*/
import "C"

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sort"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// greet takes a C string and answers a new one, which the caller frees.
//
//export greet
func greet(name *C.char) *C.char { return C.CString("hello, " + C.GoString(name)) }

// upper takes Go's own string, a pointer and a length.
//
//export upper
func upper(text string) *C.char { return C.CString(strings.ToUpper(text)) }

//export count_runes
func count_runes(text string) int32 { return int32(utf8.RuneCountInString(text)) }

//export join
func join(a, b, separator string) *C.char { return C.CString(strings.Join([]string{a, b}, separator)) }

// constant answers a Go string that lies in the library's read-only data.
//
//export constant
func constant() string { return "read-only data" }

//export sum_slice
func sum_slice(values []int32) int64 {
	var sum int64
	for _, value := range values {
		sum += int64(value)
	}
	return sum
}

// reverse turns the caller's bytes around in place.
//
//export reverse
func reverse(data []byte) {
	for i, j := 0, len(data)-1; i < j; i, j = i+1, j-1 {
		data[i], data[j] = data[j], data[i]
	}
}

// filled answers a slice in C's memory, which the caller frees.
//
//export filled
func filled(length int32, value byte) []byte {
	data := unsafe.Slice((*byte)(C.malloc(C.size_t(length))), length)
	copy(data, bytes.Repeat([]byte{value}, int(length)))
	return data
}

//export average
func average(values *C.double, count int32) float64 {
	sum := 0.0
	for _, value := range unsafe.Slice(values, count) {
		sum += float64(value)
	}
	return sum / float64(count)
}

// digest is the SHA-256 of the bytes, in hexadecimal digits: Go's assembly routines for each CPU.
//
//export digest
func digest(data []byte) *C.char {
	sum := sha256.Sum256(data)
	return C.CString(hex.EncodeToString(sum[:]))
}

// sorted_words uses reflection, sorting and encoding/json.
//
//export sorted_words
func sorted_words(text string) *C.char {
	words := strings.Fields(text)
	sort.Strings(words)
	encoded, err := json.Marshal(map[string]any{"words": words, "count": len(words)})
	if err != nil {
		return C.CString(err.Error())
	}
	return C.CString(string(encoded))
}
