package main

import "C"

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// goroutines starts count goroutines that all send on one channel, and adds up what arrives.
//
//export goroutines
func goroutines(count int32) int64 {
	results := make(chan int64)
	for i := int32(0); i < count; i++ {
		go func(n int64) { results <- n * n }(int64(i))
	}
	var sum int64
	for i := int32(0); i < count; i++ {
		sum += <-results
	}
	return sum
}

// daisy_chain passes one number through count goroutines, each of which adds one.
//
//export daisy_chain
func daisy_chain(count int32) int32 {
	first := make(chan int32)
	left := first
	for i := int32(0); i < count; i++ {
		right := make(chan int32)
		go func(in <-chan int32, out chan<- int32) { out <- 1 + <-in }(left, right)
		left = right
	}
	go func() { first <- 0 }()
	return <-left
}

// primes is the concurrent sieve: the count-th prime number.
//
//export primes
func primes(count int32) int32 {
	numbers := make(chan int32)
	done := make(chan struct{})
	defer close(done)
	go func(out chan<- int32) {
		for i := int32(2); ; i++ {
			select {
			case out <- i:
			case <-done:
				return
			}
		}
	}(numbers)
	for {
		prime := <-numbers
		if count--; count <= 0 {
			return prime
		}
		filtered := make(chan int32)
		go func(in <-chan int32, out chan<- int32) {
			for {
				select {
				case n := <-in:
					if n%prime == 0 {
						continue
					}
					select {
					case out <- n:
					case <-done:
						return
					}
				case <-done:
					return
				}
			}
		}(numbers, filtered)
		numbers = filtered
	}
}

// mutex_contention has workers goroutines add to one counter; a lost update shows in the result.
//
//export mutex_contention
func mutex_contention(workers, rounds int32) int64 {
	var (
		mutex   sync.Mutex
		group   sync.WaitGroup
		counter int64
	)
	for i := int32(0); i < workers; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for j := int32(0); j < rounds; j++ {
				mutex.Lock()
				old := counter
				if j%64 == 0 {
					runtime.Gosched()
				}
				counter = old + 1
				mutex.Unlock()
			}
		}()
	}
	group.Wait()
	return counter
}

// rwmutex_readers counts how many reads saw a pair that a writer had half changed: none.
//
//export rwmutex_readers
func rwmutex_readers(workers, rounds int32) int32 {
	var (
		lock  sync.RWMutex
		group sync.WaitGroup
		pair  [2]int32
		torn  atomic.Int32
	)
	for i := int32(0); i < workers; i++ {
		group.Add(1)
		go func(writer bool) {
			defer group.Done()
			for j := int32(0); j < rounds; j++ {
				if writer {
					lock.Lock()
					pair[0]++
					runtime.Gosched()
					pair[1]++
					lock.Unlock()
				} else {
					lock.RLock()
					if pair[0] != pair[1] {
						torn.Add(1)
					}
					lock.RUnlock()
				}
			}
		}(i%4 == 0)
	}
	group.Wait()
	return torn.Load()
}

// once_and_cond starts workers that wait on a condition; one sync.Once wakes them all.
//
//export once_and_cond
func once_and_cond(workers int32) int32 {
	var (
		mutex sync.Mutex
		once  sync.Once
		group sync.WaitGroup
		ready bool
		woken int32
	)
	cond := sync.NewCond(&mutex)
	for i := int32(0); i < workers; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			mutex.Lock()
			for !ready {
				cond.Wait()
			}
			woken++
			mutex.Unlock()
		}()
	}
	for i := 0; i < 3; i++ {
		once.Do(func() {
			mutex.Lock()
			ready = true
			mutex.Unlock()
			cond.Broadcast()
		})
	}
	group.Wait()
	return woken
}

// sleep_ms sleeps and answers 1 when at least that much, but not ten seconds more, has passed.
//
//export sleep_ms
func sleep_ms(milliseconds int32) int32 {
	wanted := time.Duration(milliseconds) * time.Millisecond
	start := time.Now()
	time.Sleep(wanted)
	if passed := time.Since(start); passed >= wanted && passed < wanted+10*time.Second {
		return 1
	}
	return 0
}

// elapsed_ns is how long Go's own clock says a sleep took, in nanoseconds.
//
//export elapsed_ns
func elapsed_ns(milliseconds int32) int64 {
	start := time.Now()
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return time.Since(start).Nanoseconds()
}

// ticker takes count ticks and answers 1 when they came no earlier than they may.
//
//export ticker
func ticker(milliseconds, count int32) int32 {
	period := time.Duration(milliseconds) * time.Millisecond
	start := time.Now()
	ticks := time.NewTicker(period)
	defer ticks.Stop()
	for i := int32(0); i < count; i++ {
		<-ticks.C
	}
	if time.Since(start) < period*time.Duration(count) {
		return 0
	}
	return 1
}

// timers answers in which order three timers of 30, 10 and 20 ms fired: 10, 20, 30.
//
//export timers
func timers() int32 {
	fired := make(chan int32, 3)
	for _, ms := range []int32{30, 10, 20} {
		ms := ms
		time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { fired <- ms })
	}
	return <-fired*10000 + <-fired*100 + <-fired
}

// select_timeout answers 1 when a channel nobody sends on loses against a timer.
//
//export select_timeout
func select_timeout(milliseconds int32) int32 {
	select {
	case <-make(chan int):
		return 0
	case <-time.After(time.Duration(milliseconds) * time.Millisecond):
		return 1
	}
}

// select_ready answers which of several channels was ready: the one with a value, or the default.
//
//export select_ready
func select_ready() int32 {
	full, empty := make(chan int32, 1), make(chan int32)
	full <- 7
	answer := int32(0)
	select {
	case value := <-full:
		answer += value
	case <-empty:
		answer += 100
	}
	select {
	case <-empty:
		answer += 1000
	default:
		answer += 10
	}
	return answer
}

//export context_deadline
func context_deadline(milliseconds int32) *C.char {
	deadline, cancel := context.WithTimeout(context.Background(), time.Duration(milliseconds)*time.Millisecond)
	defer cancel()
	<-deadline.Done()
	return C.CString(deadline.Err().Error())
}

// preempted runs a loop without a call on the only P: it answers 1 when the loop was made to give way.
//
//export preempted
func preempted() int32 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop uint32
	started, ended := make(chan struct{}), make(chan uint64)
	go func() {
		close(started)
		turns := uint64(0)
		for atomic.LoadUint32(&stop) == 0 {
			turns++
		}
		ended <- turns
	}()
	<-started
	runtime.Gosched()
	atomic.StoreUint32(&stop, 1)
	<-ended
	return 1
}

var sink uint64

// preempted_twice is preempted with two loops that only count, and a sleeper that must come in between.
//
//export preempted_twice
func preempted_twice() int32 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ended := make(chan uint64, 2)
	for i := uint64(1); i <= 2; i++ {
		go func(x uint64) {
			for j := 0; j < 5_000_000; j++ {
				x = x<<1 ^ x>>3 + 1
			}
			ended <- x
		}(i)
	}
	time.Sleep(time.Millisecond)
	sink = <-ended ^ <-ended
	return int32(sink)
}

var (
	foreign  atomic.Int64
	meeting  sync.Mutex
	arrivals = map[int32]chan struct{}{}
	present  = map[int32]int32{}
)

// count_up adds one to a counter and answers its new value; meant to be called by many foreign threads.
//
//export count_up
func count_up() int64 { return foreign.Add(1) }

//export counted
func counted() int64 { return foreign.Load() }

// meet returns when count callers are inside at once; they name the same meeting.
//
//export meet
func meet(name, count int32) int32 {
	meeting.Lock()
	door, ok := arrivals[name]
	if !ok {
		door = make(chan struct{})
		arrivals[name] = door
	}
	present[name]++
	mine := present[name]
	if mine == count {
		close(door)
	}
	meeting.Unlock()
	<-door
	return mine
}

// locked_threads keeps count goroutines on threads of their own and answers how many they were.
//
//export locked_threads
func locked_threads(count int32) int32 {
	var (
		group sync.WaitGroup
		mutex sync.Mutex
	)
	seen := map[int]bool{}
	all := make(chan struct{})
	for i := int32(0); i < count; i++ {
		group.Add(1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			mutex.Lock()
			seen[gettid()] = true
			if len(seen) == int(count) {
				close(all)
			}
			mutex.Unlock()
			<-all
			group.Done()
		}()
	}
	group.Wait()
	return int32(len(seen))
}

//export num_goroutine
func num_goroutine() int32 { return int32(runtime.NumGoroutine()) }

//export num_cpu
func num_cpu() int32 { return int32(runtime.NumCPU()) }
