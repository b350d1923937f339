// Stats: what a loop counts, and when others see it.

package conn_test

import (
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

func TestStatsPaused(t *testing.T) {
	eachPoller(t, func(r *rig) {
		c, p := r.serve(conn.Handler{})
		big := flood(32 << 20) // more than the kernel's buffers ever grow to
		r.do(func() { c.Write(big) })
		r.turns(1)
		if st := r.loop.Stats(); st.Paused != 1 || st.Pauses != 1 {
			r.Errorf("with output over High: %d paused now, %d times", st.Paused, st.Pauses)
		}
		r.do(func() {
			if n := c.Pending(); n == 0 || n > len(big) {
				r.Errorf("%d bytes are pending", n)
			}
		})
		io.ReadFull(p, big)
		r.until("the output to drain", func() bool { return c.Pending() == 0 && r.loop.Stats().Paused == 0 })
		r.do(func() { c.Write(big) })
		r.until("it pauses again", func() bool { return r.loop.Stats().Paused == 1 })
		p.reset()
		r.do(func() { c.Abort() })
		r.turns(1)
		if st := r.loop.Stats(); st.Paused != 0 || st.Pauses != 2 {
			r.Errorf("after its end: %d paused now, %d times", st.Paused, st.Pauses)
		}
	})
}

// TestStatsLongest has a callback that takes its time: the turn took that long,
// and the time that the loop waited does not count. A turn in which the machine takes
// the loop's time away is long, and leaves less time for waiting: so it is asked, of new
// loops, until none is.
func TestStatsLongest(t *testing.T) {
	eachPoller(t, func(r *rig) {
		const long, wait = 30 * time.Millisecond, 300 * time.Millisecond
		var before time.Duration
		s := r
		loopback.Until(r, "no turn to take as long as the loop waits", func() bool {
			before = s.longest(wait)
			ok := before < wait/2
			if !ok {
				s = newRig(r.T, r.name, "tcp")
			}
			return ok
		})
		r = s
		r.do(func() {
			for begin := time.Now(); time.Since(begin) < before+long; {
			}
		})
		r.turns(1)
		if got := r.loop.Stats().Longest; got < before+long {
			r.Errorf("the longest turn is said to have taken %v, after %v; want %v more", got, before, long)
		}
		for end := time.Now().Add(patience); !r.loop.Stats().Waiting; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				r.Fatal("with nothing to do it is said to be busy")
			}
		}
		r.do(func() {
			if r.loop.Stats().Waiting {
				r.Error("in a callback it is said to wait")
			}
		})
	})
}

// longest returns the longest turn once the loop has waited.
func (r *rig) longest(wait time.Duration) time.Duration {
	fired := make(chan bool)
	r.do(func() { r.loop.After(wait, func() { close(fired) }) })
	get(r, fired)
	r.turns(1)
	return r.loop.Stats().Longest
}

// TestTurn: begins and ends come in turns, and what is counted in a turn is to be
// seen at its end.
func TestTurn(t *testing.T) {
	l := newLoop(t, "poll")
	var begins, ends atomic.Int64
	l.Turn = func(b bool) {
		if b {
			begins.Add(1)
		} else {
			ends.Add(1)
		}
		if n := ends.Load() - begins.Load(); n != 0 && n != 1 { // the first turn begins with Run
			t.Errorf("%d turns begun, %d ended", begins.Load(), ends.Load())
		}
	}
	for range 10 {
		l.After(time.Millisecond, func() {})
	}
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ends.Load() != int64(l.Stats().Turns)+1 || begins.Load() == 0 {
		t.Errorf("%d turns were told of, and %d were counted", ends.Load(), l.Stats().Turns)
	}
}
