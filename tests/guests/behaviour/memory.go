package main

import "C"

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// map_load fills a map, deletes every third key, collects garbage meanwhile, and adds up what is left.
//
//export map_load
func map_load(count int32) int64 {
	numbers := map[int32]int64{}
	names := map[string][]byte{}
	for i := int32(0); i < count; i++ {
		numbers[i*7919] = int64(i)
		names[fmt.Sprint("key", i%1000)] = make([]byte, i%256)
		if i%10000 == 9999 {
			runtime.GC()
		}
	}
	for i := int32(0); i < count; i += 3 {
		delete(numbers, i*7919)
	}
	var sum int64
	for key, value := range numbers {
		sum += int64(key) + value
	}
	for name, data := range names {
		sum += int64(len(name) + len(data))
	}
	return sum
}

type tree struct{ left, right *tree }

func grow(depth int32) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

func (t *tree) count() int32 {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

// gc_load grows binary trees in several goroutines while the collector runs. It answers their nodes, or -1 when
// the collector never ran.
//
//export gc_load
func gc_load(workers, rounds, depth int32) int32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	long := grow(depth)
	var group sync.WaitGroup
	counts := make([]int32, workers)
	for i := range counts {
		group.Add(1)
		go func(count *int32) {
			defer group.Done()
			for j := int32(0); j < rounds; j++ {
				*count += grow(depth - 2).count()
			}
		}(&counts[i])
	}
	group.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.NumGC <= before.NumGC || after.TotalAlloc <= before.TotalAlloc {
		return -1
	}
	sum := long.count()
	for _, count := range counts {
		sum += count
	}
	return sum
}

// finalizers answers how many of count unreachable objects were finalised.
//
//export finalizers
func finalizers(count int32) int32 {
	ended := make(chan struct{}, count)
	for i := int32(0); i < count; i++ {
		object := new([64]int64)
		runtime.SetFinalizer(object, func(*[64]int64) { ended <- struct{}{} })
	}
	for i := int32(0); i < count; i++ {
		runtime.GC()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			return i
		}
	}
	return count
}

// big_allocation writes to the first and last byte of each page of a large block and gives it back.
//
//export big_allocation
func big_allocation(megabytes int32) int32 {
	block := make([]byte, int(megabytes)<<20)
	pages := int32(0)
	for i := 0; i < len(block); i += 4096 {
		block[i], block[i+4095] = 1, 2
		pages++
	}
	block = nil
	debug.FreeOSMemory()
	return pages
}

// recurse calls itself to the given depth; its stack is copied to a bigger one again and again on the way.
func recurse(depth int32, seed *[16]int32) int32 {
	var frame [16]int32
	for i := range frame {
		frame[i] = seed[i] + depth
	}
	if depth == 0 {
		return frame[0]
	}
	deeper := recurse(depth-1, &frame)
	return deeper ^ frame[depth%16]
}

// deep_recursion answers a checksum of the frames of a recursion that deep.
//
//export deep_recursion
func deep_recursion(depth int32) int32 { return recurse(depth, new([16]int32)) }

// deep_recursions is deep_recursion in several goroutines at once.
//
//export deep_recursions
func deep_recursions(workers, depth int32) int32 {
	results := make(chan int32)
	for i := int32(0); i < workers; i++ {
		go func() { results <- recurse(depth, new([16]int32)) }()
	}
	sum := int32(0)
	for i := int32(0); i < workers; i++ {
		sum += <-results
	}
	return sum
}
