// A loop's goroutine is lent to functions that may block: see internal/lend.

package conn

import (
	"context"
	"os"
	"runtime"

	"github.com/lurcher-net/lurcher/internal/lend"
)

func init() {
	lend.Run = func(c any, f lend.Function) bool { return c.(*Conn).lend(f) }
	lend.SendFile = func(c any, f *os.File, off, n int64) int64 { return c.(*Conn).sendLent(f, off, n) }
	lend.Next = func(c any) { c.(*Conn).next() }
}

// lend calls f and what follows it.
func (c *Conn) lend(f lend.Function) bool {
	l := c.loop
	if l.lease == nil {
		return false
	}
	for f != nil {
		l.lentTo = f
		c.lendOnce(f)
		l.running = c
		f = f.Then()
	}
	l.lentTo = nil
	l.settle()
	return true
}

// lendOnce calls f.Run. If that loses the loop, this goroutine ends with it, and the turn goes
// on on the next one, as after a panic.
func (c *Conn) lendOnce(f lend.Function) {
	l := c.loop
	me := l.lease
	l.running = nil
	mine := false
	me.Begin(l.heir)
	defer func() {
		if !mine {
			me.Lose() // runtime.Goexit, or a panic
			c.Post(func() {
				if next := f.Then(); next != nil {
					c.lend(next)
				}
			})
		}
	}()
	f.Run(me)
	if mine = me.End(); !mine {
		runtime.Goexit()
	}
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

// next makes the calls that c waits for, if it was the last to ask for them.
func (c *Conn) next() {
	if l := c.loop; l.deferred.dropLast(c) {
		c.again()
		l.running = nil
	}
}

// runContext is what Run was given: the goroutine that takes over needs it.
type runContext struct {
	ctx  context.Context
	over chan<- error
}
