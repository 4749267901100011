// Reads a file's function table by Go's own debug/gosym and prints what it finds: the oracle of test_pclntab.
package main

import (
	"bufio"
	"debug/elf"
	"debug/gosym"
	"fmt"
	"os"
	"strconv"
)

// args: FILE, the table's offset and size in the file, the text's address, then addresses to look up.
func main() {
	number := func(text string) uint64 {
		value, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			panic(err)
		}
		return value
	}
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	if _, err := elf.Open(os.Args[1]); err != nil {
		panic(err)
	}
	start, size, text := number(os.Args[2]), number(os.Args[3]), number(os.Args[4])
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data[start:start+size], text))
	if err != nil {
		panic(err)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for index := range table.Funcs {
		function := &table.Funcs[index]
		fmt.Fprintf(out, "func %d %s\n", function.Entry, function.Name)
		for pc := function.Entry; pc < function.End; pc += 1 + (function.End-function.Entry)/5 {
			file, line, _ := table.PCToLine(pc)
			fmt.Fprintf(out, "line %d %s:%d\n", pc, file, line)
		}
	}
}
