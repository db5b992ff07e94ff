// SPDX-License-Identifier: GPL-2.0-only

// Goroutines whose stacks grow, and so move, inside stages, and that go on on other threads; calls
// of C in between. Says "ready", waits for a line with a number of calls, works, prints its results,
// which are the same each time.
package main

/*
#include <stdint.h>
#include <unistd.h>

__attribute__((noinline, noclone)) uint64_t stage_c(uint64_t value)
{
	usleep(200);
	return value * 31 + 7;
}
*/
import "C"

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

//go:noinline
func stageGrow(depth int, value uint64) uint64 {
	var frame [64]uint64
	for i := range frame {
		frame[i] = value + uint64(i)
	}
	if depth > 0 {
		value = stageGrow(depth-1, frame[depth%64])
	}
	return value + frame[7]
}

//go:noinline
func stageMoves(value uint64) uint64 {
	runtime.Gosched()
	time.Sleep(200 * time.Microsecond)
	return stageGrow(int(value%90), value)
}

func work(calls int, seed uint64) uint64 {
	digest := seed
	for i := 0; i < calls; i++ {
		done := make(chan uint64)
		go func(value uint64) { done <- stageMoves(value) }(uint64(i) + seed)
		digest = digest*31 + <-done + uint64(C.stage_c(C.uint64_t(digest)))
		if i%40 == 0 {
			runtime.GC()
		}
	}
	return digest
}

func main() {
	fmt.Println("ready")
	var calls int
	fmt.Fscan(bufio.NewReader(os.Stdin), &calls)
	results := make([]uint64, 8)
	var group sync.WaitGroup
	for t := range results {
		group.Add(1)
		go func(t int) {
			defer group.Done()
			results[t] = work(calls, uint64(t))
		}(t)
	}
	group.Wait()
	for _, result := range results {
		fmt.Printf("result %016x\n", result)
	}
}
