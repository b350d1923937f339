// SetTimeout, which input and output push, and SetDeadline, which they do not.

package conn_test

import (
	"os"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

func TestTimeoutClosesByDefault(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		for _, set := range []func(*conn.Conn){
			func(c *conn.Conn) { c.SetTimeout(20 * time.Millisecond) },
			func(c *conn.Conn) { c.SetDeadline(20 * time.Millisecond) },
			func(c *conn.Conn) { c.SetTimeout(time.Hour); c.SetDeadline(20 * time.Millisecond) },
			func(c *conn.Conn) { c.SetDeadline(time.Hour); c.SetTimeout(20 * time.Millisecond) },
		} {
			c, p := r.serve(conn.Handler{Close: onClose})
			var start time.Time
			r.do(func() {
				start = r.loop.Now() // when the turn began, which may be long ago on a busy machine: it counts
				set(c)
			})
			r.wantErr(ch, os.ErrDeadlineExceeded)
			if d := time.Since(start); d < 20*time.Millisecond {
				r.Errorf("early: after %v", d)
			}
			p.wantEOF()
		}
	})
}

// A connection with input or output in every period has no timeout, and one
// with a deadline has it all the same. On a busy machine a period may pass without
// either: so it is asked until none does.
func TestWhoPushesTheTimeout(t *testing.T) {
	each(t, func(r *rig) {
		loopback.Until(r, "who is idle to have a timeout, and who is at its deadline, and nobody else", r.pushes)
	})
}

// pushes reports whether a connection that is used has no timeout, until one has that is
// idle, and one that is used and has a deadline.
func (r *rig) pushes() bool {
	const d = 250 * time.Millisecond
	timeouts := make(chan string, 100)
	h := conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }, Timeout: func(c *conn.Conn) { timeouts <- c.State.(string) }}
	lazy, _ := r.serve(h)
	hard, q := r.serve(h)
	busy, p := r.serve(h)
	r.do(func() {
		lazy.State, hard.State, busy.State = "idle", "deadline", "busy"
		lazy.SetTimeout(d)
		hard.SetDeadline(d)
		busy.SetTimeout(d)
	})
	defer r.do(func() {
		for _, c := range []*conn.Conn{lazy, hard, busy} {
			c.Abort()
		}
	})
	seen := map[string]bool{}
	for end := time.Now().Add(patience); !seen["idle"] || !seen["deadline"]; {
		if time.Now().After(end) {
			r.Fatalf("timeouts of %v", seen)
		}
		p.send("x")
		p.want("x")
		q.send("x")
		q.want("x")
		select {
		case who := <-timeouts:
			seen[who] = true
		case <-time.After(d / 20):
		}
	}
	for r.turns(2); len(timeouts) > 0; { // what was due at the same time
		seen[<-timeouts] = true
	}
	return !seen["busy"]
}

func TestTimeoutIsCalledOnceForEachSilence(t *testing.T) {
	each(t, func(r *rig) {
		timeouts := make(chan bool, 100)
		c, p := r.serve(conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }, Timeout: func(c *conn.Conn) { timeouts <- true }})
		r.do(func() { c.SetTimeout(5 * time.Millisecond) })
		get(r, timeouts)
		passed := make(chan bool, 1)
		r.do(func() { r.loop.After(30*time.Millisecond, func() { passed <- true }) })
		get(r, passed)
		if len(timeouts) > 0 {
			r.Error("called again without a byte")
		}
		p.send("x")
		p.want("x")
		get(r, timeouts)
	})
}

func TestTimeoutsCleared(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		passed := make(chan bool, 1)
		for _, clear := range []func(*conn.Conn){
			func(c *conn.Conn) { c.SetTimeout(0) },
			func(c *conn.Conn) { c.SetDeadline(0) },
			func(c *conn.Conn) { c.SetDeadline(-1) },
			func(c *conn.Conn) { c.SetTimeout(time.Hour) },
			func(c *conn.Conn) { c.SetDeadline(1 << 62) },
		} {
			c, _ := r.serve(conn.Handler{Close: onClose})
			r.do(func() {
				c.SetTimeout(5 * time.Millisecond)
				c.SetDeadline(5 * time.Millisecond)
				clear(c)
				r.loop.After(15*time.Millisecond, func() { passed <- true })
			})
			get(r, passed)
			if len(ch) > 0 {
				r.Fatal("a timeout that was cleared:", <-ch)
			}
		}
	})
}

// A Timeout handler may set the next one, and go on.
func TestTimeoutAgain(t *testing.T) {
	each(t, func(r *rig) {
		n := 0
		ch, onClose := closes()
		c, p := r.serve(conn.Handler{Close: onClose, Timeout: func(c *conn.Conn) {
			if n++; n == 3 {
				c.WriteString("bye")
				c.Close()
				return
			}
			c.SetDeadline(time.Millisecond)
		}})
		r.do(func() { c.SetDeadline(time.Millisecond) })
		p.want("bye")
		p.wantEOF()
		if err := get(r, ch); err != nil {
			r.Error(err)
		}
	})
}

// After Close nothing but the stall is timed.
func TestNoTimeoutAfterClose(t *testing.T) {
	each(t, func(r *rig) {
		timeouts := make(chan bool, 1)
		passed := make(chan bool, 1)
		c, _ := r.serve(conn.Handler{Stall: -1, Timeout: func(*conn.Conn) { timeouts <- true }})
		r.do(func() {
			c.SetTimeout(time.Millisecond)
			c.Write(flood(8 << 20))
			c.Close()
			c.SetTimeout(time.Millisecond)
			c.SetDeadline(time.Millisecond)
			r.loop.After(20*time.Millisecond, func() { passed <- true })
		})
		get(r, passed)
		if len(timeouts) > 0 {
			r.Error("Timeout was called after Close")
		}
	})
}
