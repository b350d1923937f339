// A loop's goroutine is lent to functions that may block: see internal/lend.

package conn

import (
	"context"
	"runtime"

	"github.com/lurcher-net/lurcher/internal/lend"
)

func init() {
	lend.Run = func(l any, fn func(*lend.Lease)) bool { return l.(*Loop).lendGoroutine(fn) }
	lend.Next = func(c any) { c.(*Conn).next() }
}

// lendGoroutine calls fn. If that loses the loop this goroutine ends with it: the next one goes
// on after the posted function that called it, as after a panic.
func (l *Loop) lendGoroutine(fn func(*lend.Lease)) bool {
	me := l.lease
	if me == nil {
		return false
	}
	l.running = nil
	me.Begin(l.heir)
	returned := false
	defer func() {
		for !returned && !me.Lost() { // runtime.Goexit, or a panic: only fn ends by it
			me.Leave()
		}
	}()
	fn(me)
	returned = true
	if !me.End() {
		runtime.Goexit()
	}
	return true
}

// heir starts the goroutine that takes over. It is the loop's that starts it, so that
// it has the same labels in profiles.
func (l *Loop) heir(wake chan struct{}) {
	ctx, over := l.ctx, l.over
	go func() {
		if _, end := <-wake; !end {
			l.run(ctx, over)
		}
	}()
}

// next makes the calls that c waits for, if c is all that this turn would call again.
func (c *Conn) next() {
	l := c.loop
	if q := &l.deferred; q.len() == 1 && c.is(deferred) {
		q.pop().again()
		l.running = nil
	}
}

// runContext is what Run was given: the goroutine that takes over needs it.
type runContext struct {
	ctx  context.Context
	over chan<- error
}
