// Timers: after their time, in order, and never again once stopped.

package conn_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

func TestTimersAreNeverEarlyAndInOrder(t *testing.T) {
	eachPoller(t, func(r *rig) {
		type fired struct{ want, latest, at time.Time } // set between want-d and latest-d
		const n = 300
		ch := make(chan fired, n)
		r.do(func() {
			for i := range n {
				start := time.Now()
				d := time.Duration(rand.IntN(150*1000)) * time.Microsecond
				if i%50 == 0 {
					time.Sleep(2 * time.Millisecond) // the loop's time is behind by this
					start = time.Now()
				}
				var latest time.Time
				r.loop.After(d, func() { ch <- fired{start.Add(d), latest, time.Now()} })
				latest = time.Now().Add(d)
			}
		})
		var last time.Time
		for range n {
			f := get(r, ch)
			if f.at.Before(f.want) {
				r.Errorf("early by %v", f.want.Sub(f.at))
			}
			if f.latest.Before(last.Add(-time.Millisecond)) {
				r.Errorf("out of order by %v", last.Sub(f.latest))
			}
			last = f.want
		}
	})
}

func TestTimerStopAndReset(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ch := make(chan string, 8)
		say := func(s string) func() { return func() { ch <- s } }
		var again *conn.Timer
		r.do(func() {
			l := r.loop
			stopped := l.After(time.Millisecond, say("stopped"))
			reset := l.After(time.Millisecond, say("reset"))
			late := l.After(time.Hour, say("brought forward"))
			if !stopped.Stop() || stopped.Stop() {
				r.Error("Stop answers true once")
			}
			if !late.Reset(20*time.Millisecond) || !reset.Reset(40*time.Millisecond) {
				r.Error("Reset of a running timer answers true")
			}
			n := 0
			again = l.After(0, func() {
				if n++; n < 3 {
					if again.Reset(0) {
						r.Error("Reset in its own call answers false")
					}
					return
				}
				if again.Stop() {
					r.Error("Stop in its own call answers false")
				}
				ch <- "again"
			})
			// Two that are due together: the first stops the second.
			var second *conn.Timer
			first := func() {
				if second.Stop() {
					ch <- "stopped the other"
				}
			}
			a := l.After(5*time.Millisecond, func() { first() })
			second = l.After(5*time.Millisecond, func() { a.Stop(); ch <- "stopped the other" })
			time.Sleep(10 * time.Millisecond)
		})
		got := []string{get(r, ch), get(r, ch), get(r, ch), get(r, ch)}
		if slices.Index(got, "brought forward") > slices.Index(got, "reset") {
			r.Errorf("out of order: %q", got)
		}
		slices.Sort(got)
		if want := []string{"again", "brought forward", "reset", "stopped the other"}; !slices.Equal(got, want) {
			r.Errorf("%q, want %q", got, want)
		}
		r.turns(3)
		if len(ch) > 0 {
			r.Error("and then", <-ch)
		}
	})
}

// Durations at and beyond what can be counted.
func TestTimerExtremes(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ch := make(chan string, 8)
		r.do(func() {
			far := []*conn.Timer{
				r.loop.After(math.MaxInt64, func() { ch <- "centuries" }),
				r.loop.After(math.MaxInt64-1e6, func() { ch <- "centuries" }),
				r.loop.After(13*24*time.Hour, func() { ch <- "13 days" }),
			}
			r.loop.After(math.MinInt64, func() { ch <- "past" })
			r.loop.After(-time.Hour, func() { ch <- "past" })
			r.loop.After(20*time.Millisecond, func() {
				for _, f := range far {
					if !f.Stop() {
						ch <- "gone"
					}
				}
				ch <- "end"
			})
		})
		for _, want := range []string{"past", "past", "end"} {
			if got := get(r, ch); got != want {
				r.Errorf("%s, want %s", got, want)
			}
		}
	})
}

// Timers that set themselves anew, each later than its time, leave the loop to
// the others.
func TestTimersUnderLoad(t *testing.T) {
	each(t, func(r *rig) {
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }})
		p := r.dial()
		r.do(func() {
			for range 4 {
				var again func()
				again = func() {
					time.Sleep(time.Millisecond)
					r.loop.After(0, again)
				}
				again()
			}
		})
		for range 5 {
			p.send("ping")
			p.want("ping")
		}
	})
}

func TestManyTimers(t *testing.T) {
	t.Parallel()
	l := newLoop(t, "epoll")
	const n = 10_000
	left, sum := n, 0
	for i := range n {
		l.After(time.Duration(i%100)*time.Millisecond, func() { left--; sum += i })
	}
	if err := l.Run(context.Background()); err != nil { // returns when nothing is left
		t.Fatal(err)
	}
	if left != 0 || sum != n*(n-1)/2 {
		t.Errorf("%d never fired", left)
	}
}

func TestConnAfter(t *testing.T) {
	each(t, func(r *rig) {
		ch := make(chan string, 4)
		c, _ := r.serve(conn.Handler{})
		r.do(func() {
			c.After(time.Millisecond, func() { ch <- "fired" })
		})
		if got := get(r, ch); got != "fired" {
			r.Fatal(got)
		}
		r.do(func() {
			c.After(time.Millisecond, func() { ch <- "after the end" })
			c.Abort()
			c.After(0, func() { ch <- "set after the end" })
		})
		r.do(func() {
			c.After(0, func() { ch <- "set long after the end" })
			r.loop.After(20*time.Millisecond, func() { ch <- "end" })
		})
		if got := get(r, ch); got != "end" {
			r.Fatal(got)
		}
	})
}
