//go:build unix || windows

package poller

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// woken waits until a wake-up comes, and fails when none does.
func (g *rig) woken() {
	g.Helper()
	var buf [1]Event
	start := time.Now()
	n, err := g.p.Wait(buf[:], patience)
	if n != 0 || err != nil {
		g.Fatal(n, err)
	}
	if time.Since(start) >= patience {
		g.Fatal("the wake-up was lost")
	}
}

func TestWake(t *testing.T) {
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Run("ends the next wait", func(t *testing.T) { t.Parallel(); testWakeBefore(newRig(t, s)) })
			t.Run("ends the current wait", func(t *testing.T) { t.Parallel(); testWakeDuring(newRig(t, s)) })
			t.Run("comes beside events", func(t *testing.T) { t.Parallel(); testWakeBesideEvents(newRig(t, s)) })
			t.Run("is never lost", func(t *testing.T) { t.Parallel(); testWakeNeverLost(newRig(t, s)) })
			t.Run("beside Close", func(t *testing.T) { t.Parallel(); testWakeBesideClose(t, s) })
		})
	}
}

func testWakeBefore(g *rig) {
	for range 3 {
		for range 100 {
			g.must(g.p.Wake())
		}
		g.woken()
		g.quiet(0) // all hundred were one
	}
	// A wait that does not block takes it as well.
	g.must(g.p.Wake())
	if got := g.allReady(0, 1); len(got) != 0 {
		g.Error("a wake-up was reported as", got)
	}
	g.quiet(0)
}

func testWakeDuring(g *rig) {
	for range 10 {
		var said atomic.Bool
		woke := make(chan error)
		go func() {
			said.Store(true)
			woke <- g.p.Wake()
		}()
		for !said.Load() { // a signal may end a wait before that
			g.woken()
		}
		g.must(<-woke)
		g.allReady(0, 1) // takes the wake-up if the last wait did not
	}
}

// testWakeBesideEvents: descriptors that are always ready neither hold a wake-up up nor are held up
// by it, with room for one event at a time.
func testWakeBesideEvents(g *rig) {
	const n = 5
	for i := range n {
		a, _ := g.unix()
		g.must(g.p.Add(a, Token(i), Write))
	}
	for range 20 {
		g.must(g.p.Wake())
		if got := g.allReady(n+1, 1); len(got) != n {
			g.Fatal("got", got)
		}
	}
	for i := range n {
		got := g.allReady(n, 4)
		if _, ok := got[Token(i)]; !ok {
			g.Error("lost", i)
		}
	}
}

// testWakeNeverLost plays the use that matters: many goroutines hand in work and wake the one that
// waits, which has no other way to learn of it.
func testWakeNeverLost(g *rig) {
	const givers, each = 8, 500
	var mu sync.Mutex
	var inbox, taken int
	var done sync.WaitGroup
	for range givers {
		done.Go(func() {
			for range each {
				mu.Lock()
				inbox++
				mu.Unlock()
				if err := g.p.Wake(); err != nil {
					g.Error(err)
				}
			}
		})
	}
	for taken < givers*each {
		g.woken()
		mu.Lock()
		taken += inbox
		inbox = 0
		mu.Unlock()
	}
	done.Wait()
}

// testWakeBesideClose: descriptors opened after Close get the numbers that the poller had. A Wake
// that came late must not write to them.
func testWakeBesideClose(t *testing.T, s subject) {
	for range 10 {
		g := newRig(t, s)
		var started, done sync.WaitGroup
		for range 2 {
			started.Add(1)
			done.Go(func() {
				for started.Done(); ; {
					if err := g.p.Wake(); err != nil {
						if !errors.Is(err, net.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		started.Wait()
		g.must(g.p.Close())
		var ends []int
		for range 4 {
			a, b := g.unix()
			ends = append(ends, a, b)
		}
		done.Wait()
		for _, fd := range ends {
			var b [1]byte
			if n, err := sysRead(fd, b[:]); n > 0 || !isAgain(err) {
				t.Fatalf("read from a descriptor opened after Close: %d, %v", n, err)
			}
		}
		for _, fd := range ends {
			g.close(fd)
		}
	}
}

// TestWakerCoalesces counts the signals that wakes cost.
func TestWakerCoalesces(t *testing.T) {
	var w waker
	var signals atomic.Int32
	w.signal = func() error { signals.Add(1); return nil }
	for round := range int32(3) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 100 {
					if err := w.Wake(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if got := signals.Load(); got != round+1 {
			t.Fatalf("round %d: %d signals", round, got)
		}
		w.seen()
	}
	if err := w.close(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.Wake(); err != net.ErrClosed {
		t.Error("Wake after close:", err)
	}
	if got := signals.Load(); got != 3 {
		t.Error("a signal after close")
	}
}

// TestWakerFails: a signal that failed is not counted upon by the wakes after it.
func TestWakerFails(t *testing.T) {
	var w waker
	fail := errors.New("no")
	w.signal = func() error { return fail }
	if err := w.Wake(); err != fail {
		t.Error("got", err)
	}
	signals := 0
	w.signal = func() error { signals++; return nil }
	if err := w.Wake(); err != nil || signals != 1 {
		t.Errorf("got %v and %d signals", err, signals)
	}
}

// TestWakerExcludesClose: no signal overlaps the closing of the descriptors it goes to, or comes
// after it.
func TestWakerExcludesClose(t *testing.T) {
	var w waker
	locked := func() error {
		if w.mu.TryLock() {
			w.mu.Unlock()
			t.Error("signal and free are not kept apart")
		}
		return nil
	}
	w.signal = locked
	if err := w.Wake(); err != nil {
		t.Fatal(err)
	}
	w.seen()

	// A Wake that is on its way to signal when Close begins.
	w.signal = func() error { t.Error("a signal after close"); return nil }
	w.mu.Lock()
	woke := make(chan error)
	go func() { woke <- w.Wake() }()
	for w.state.Load()&wakePending == 0 {
		runtime.Gosched()
	}
	w.state.Or(wakeClosed)
	w.mu.Unlock()
	if err := <-woke; err != net.ErrClosed {
		t.Error("Wake answers", err)
	}
	w.state.Store(0)
	if err := w.close(locked); err != nil {
		t.Error(err)
	}
}
