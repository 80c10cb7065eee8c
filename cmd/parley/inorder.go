package main

import (
	"runtime"
	"sync"
)

// inOrder takes what next gives, until it says that there is no more, puts it through do on all
// processors, and gives the results to done in the order in which they were taken. It keeps
// no more than a few blocks of them at a time, and nothing back while next would wait: whoever
// sends may be waiting for an answer.
func inOrder[In, Out any](next func() (In, bool, error), waits func() bool, do func(In) Out, done func(Out) error) error {
	type block struct {
		in  []In
		out []Out
	}
	const size = 64
	workers := runtime.GOMAXPROCS(0)
	for {
		blocks := make([]block, 0, workers)
		var failed error
		more, some := true, false
		enough := func() bool { return !more || failed != nil || some && waits() }
		for !enough() && len(blocks) < cap(blocks) {
			var b block
			for !enough() && len(b.in) < size {
				var one In
				if one, more, failed = next(); more && failed == nil {
					b.in, some = append(b.in, one), true
				}
			}
			blocks = append(blocks, b)
		}
		var wait sync.WaitGroup
		for i := range blocks {
			b := &blocks[i]
			b.out = make([]Out, len(b.in))
			wait.Go(func() {
				for j, one := range b.in {
					b.out[j] = do(one)
				}
			})
		}
		wait.Wait()
		for _, b := range blocks {
			for _, out := range b.out {
				if err := done(out); err != nil {
					return err
				}
			}
		}
		if failed != nil || !more {
			return failed
		}
	}
}
