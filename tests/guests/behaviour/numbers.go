// Package main is a Go shared library with one export per behaviour of the runtime that a loader,
// an emulated CPU or a kernel layer can get wrong. behaviour_host calls them all and prints what they answer.
package main

import "C"

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

//export add
func add(a, b int) int { return a + b }

//export add8
func add8(a, b int8) int8 { return a + b }

//export add16
func add16(a, b int16) int16 { return a + b }

//export add32
func add32(a, b int32) int32 { return a + b }

//export add64
func add64(a, b int64) int64 { return a + b }

//export addu8
func addu8(a, b uint8) uint8 { return a + b }

//export addu16
func addu16(a, b uint16) uint16 { return a + b }

//export addu32
func addu32(a, b uint32) uint32 { return a + b }

//export addu64
func addu64(a, b uint64) uint64 { return a + b }

//export mul64
func mul64(a, b int64) int64 { return a * b }

//export div64
func div64(a, b int64) int64 { return a / b }

//export mod64
func mod64(a, b int64) int64 { return a % b }

//export divu64
func divu64(a, b uint64) uint64 { return a / b }

//export div32
func div32(a, b int32) int32 { return a / b }

//export shift64
func shift64(a int64, left, right uint32) int64 { return a << left >> right }

//export add_float32
func add_float32(a, b float32) float32 { return a + b }

//export add_float64
func add_float64(a, b float64) float64 { return a + b }

//export divide_float64
func divide_float64(a, b float64) float64 { return a / b }

//export square_root
func square_root(a float64) float64 { return math.Sqrt(a) }

//export hypotenuse
func hypotenuse(a, b float64) float64 { return math.Hypot(a, b) }

//export float_to_int64
func float_to_int64(a float64) int64 { return int64(a) }

//export int64_to_float
func int64_to_float(a int64) float64 { return float64(a) }

//export negate
func negate(a bool) bool { return !a }

//export multiply_complex
func multiply_complex(a, b complex128) complex128 { return a * b }

// mixed has one parameter of each width, in an order that leaves holes between them.
//
//export mixed
func mixed(a int8, b int64, c uint8, d float32, e int16, f float64, g uint32, h bool) float64 {
	sum := float64(a) + float64(b) + float64(c) + float64(d) + float64(e) + f + float64(g)
	if h {
		sum = -sum
	}
	return sum
}

// sum12 has more parameters than any calling convention has registers.
//
//export sum12
func sum12(a, b, c, d, e, f, g, h, i, j, k, l int64) int64 {
	return a + 2*b + 3*c + 4*d + 5*e + 6*f + 7*g + 8*h + 9*i + 10*j + 11*k + 12*l
}

//export sum10_float
func sum10_float(a, b, c, d, e, f, g, h, i, j float64) float64 {
	return a + 2*b + 3*c + 4*d + 5*e + 6*f + 7*g + 8*h + 9*i + 10*j
}

// divide has two results, which C sees as a structure.
//
//export divide
func divide(a, b int32) (quotient, remainder int32) { return a / b, a % b }

//export divide_wide
func divide_wide(a, b int64) (quotient, remainder int64) { return a / b, a % b }

//export both_kinds
func both_kinds(a int8, b float64) (int8, float64, int64) { return -a, b / 2, int64(b) }

// format_float is strconv.FormatFloat.
//
//export format_float
func format_float(value float64, verb byte, precision int32, bits int32) *C.char {
	return C.CString(strconv.FormatFloat(value, verb, int(precision), int(bits)))
}

// float_table formats awkward numbers in several ways, one line per number.
//
//export float_table
func float_table() *C.char {
	var out strings.Builder
	for _, value := range []float64{
		0, math.Copysign(0, -1), 1, -1.5, 0.1, 1.0 / 3, 2.5, 1e21, 123456789.125, 5e-324, math.MaxFloat64,
		math.SmallestNonzeroFloat32, math.MaxFloat32, math.Pi, 1e-7, 1 << 53, math.Inf(1), math.Inf(-1), math.NaN(),
	} {
		fmt.Fprintf(&out, "%v %g %e %.3f %8.2f|%x %v\n", value, value, value, value, value, value, float32(value))
	}
	return C.CString(out.String())
}

// parse_float is strconv.ParseFloat; not a number when the text is not one.
//
//export parse_float
func parse_float(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return value
}

// math_table calls the functions whose implementations differ between architectures.
//
//export math_table
func math_table() *C.char {
	var out strings.Builder
	for _, x := range []float64{0.5, 1, 2.75, 10} {
		fmt.Fprintf(&out, "%.9g %.9g %.9g %.9g %.9g %.9g %v %v %v %v\n", math.Sin(x), math.Cos(x), math.Exp(x),
			math.Log(x), math.Pow(x, 1.5), math.Cbrt(x), math.Floor(x), math.Ceil(x), math.Trunc(-x), math.FMA(x, x, 1))
	}
	return C.CString(out.String())
}

func main() {}
