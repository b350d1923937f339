package lend

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A world is a loop in small: its goroutines, of which one at a time may use it.
type world struct {
	t       *testing.T
	lease   atomic.Pointer[Lease] // the last one
	inside  atomic.Int32
	touched int // by whoever may: the race detector looks
	rounds  int
	lost    atomic.Int32
	over    chan bool
	running sync.WaitGroup
}

func (w *world) touch() {
	if w.inside.Add(1) != 1 {
		w.t.Error("two goroutines use the loop")
	}
	w.touched++
	w.inside.Add(-1)
}

// run lends itself to functions until enough have come, and goes on on other goroutines
// when they take it.
func (w *world) run() {
	defer w.running.Done()
	l := new(Lease)
	w.lease.Store(l)
	for {
		w.touch()
		if w.rounds--; w.rounds == 0 {
			l.Close()
			close(w.over)
			return
		}
		l.Begin(func(wake chan struct{}) {
			w.running.Add(1)
			go func() {
				if _, end := <-wake; end {
					w.running.Done()
				} else {
					w.run()
				}
			}()
		})
		w.act(l)
		if !l.End() {
			w.lost.Add(1)
			return
		}
	}
}

// act does something that a function which is lent the loop may do.
func (w *world) act(l *Lease) {
	switch rand.IntN(8) {
	case 0, 1, 2:
		if l.Hold() {
			w.touch()
			runtime.Gosched()
			w.touch()
			l.Release()
		}
	case 3:
		runtime.Gosched()
	case 4:
		if rand.IntN(4) == 0 {
			l.Leave()
		}
	case 5:
		if rand.IntN(100) == 0 { // it is slow, and the timer takes the loop
			for end := time.Now().Add(10 * patience); !l.Lost() && time.Now().Before(end); {
				runtime.Gosched()
			}
		}
	}
}

// TestOneGoroutineUsesTheLoop: whatever functions that are lent the loop do, and others
// with old leases and new ones, one goroutine at a time uses it, and it never stops.
func TestOneGoroutineUsesTheLoop(t *testing.T) {
	t.Parallel()
	w := &world{t: t, rounds: 20_000, over: make(chan bool)}
	if testing.Short() {
		w.rounds = 4000
	}
	w.lease.Store(new(Lease))
	w.running.Add(1)
	go w.run()
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for old := w.lease.Load(); ; {
				select {
				case <-w.over:
					return
				default:
				}
				now := w.lease.Load()
				w.act(old)
				w.act(now)
				if rand.IntN(16) == 0 {
					old = now
				}
			}
		})
	}
	others.Wait()
	w.running.Wait()
	if w.lost.Load() == 0 {
		t.Error("the loop was never taken over")
	}
}
