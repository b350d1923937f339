// Adopt and Detach: there, and back again, without losing a byte.

package conn_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

func TestAdopt(t *testing.T) {
	eachPlain(t, func(r *rig) {
		ln := r.backend()
		nc, err := net.Dial(r.network, ln.Addr().String())
		if err != nil {
			r.Fatal(err)
		}
		b := r.accept(ln)
		b.send("early")
		calls := make(chan string, 4)
		r.do(func() {
			c, err := r.loop.Adopt(nc, &conn.Handler{
				Open: func(c *conn.Conn) { calls <- "open"; c.WriteString("hi") },
				Data: func(c *conn.Conn, p []byte) int { calls <- string(p); return len(p) },
			})
			if err != nil || c.Loop() != r.loop {
				r.Error(err)
			}
			if len(calls) > 0 {
				r.Error("called within Adopt")
			}
		})
		for _, want := range []string{"open", "early"} {
			if got := get(r, calls); got != want {
				r.Error(got)
			}
		}
		b.want("hi")
		if _, err := nc.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			r.Error("the old connection lives:", err)
		}
	})
}

// Open is first, also for what is adopted at the very end of a turn, with input
// and a deadline that are there in the next.
func TestAdoptOpensFirst(t *testing.T) {
	eachPlain(t, func(r *rig) {
		ln := r.backend()
		calls := make(chan string, 8)
		nc, err := net.Dial(r.network, ln.Addr().String())
		if err != nil {
			r.Fatal(err)
		}
		b := r.accept(ln)
		b.send("early")
		c, _ := r.serve(conn.Handler{})
		r.do(func() {
			c.OnDrain(func() { // after the turn's events
				a, err := r.loop.Adopt(nc, &conn.Handler{
					Open:    func(c *conn.Conn) { calls <- "open" },
					Timeout: func(c *conn.Conn) { calls <- "timeout" },
					Data:    func(c *conn.Conn, p []byte) int { calls <- string(p); return len(p) },
				})
				if err != nil {
					r.Error(err)
				}
				a.SetDeadline(1)
				time.Sleep(5 * time.Millisecond)
			})
		})
		if got := get(r, calls); got != "open" {
			r.Error(got, "before Open")
		}
	})
}

func TestAdoptErrors(t *testing.T) {
	eachPoller(t, func(r *rig) {
		a, b := net.Pipe()
		r.do(func() {
			if _, err := r.loop.Adopt(a, nil); err == nil {
				r.Error("adopted what has no socket")
			}
		})
		if _, err := b.Write([]byte("x")); err == nil {
			r.Error("it was to be closed")
		}
		if n := r.loop.Stats().Open; n != 0 {
			r.Error(n, "open")
		}
	})
}

// Detach within Data: what that call leaves is read first.
func TestDetachInData(t *testing.T) {
	needDetach(t)
	each(t, func(r *rig) {
		ch, onClose := closes()
		conns := make(chan net.Conn, 1)
		_, p := r.serve(conn.Handler{Close: onClose, Data: func(c *conn.Conn, p []byte) int {
			if len(p) < 10 {
				return 0 // the first bytes are held
			}
			nc, err := c.Detach()
			if err != nil {
				r.Error(err)
			}
			conns <- nc
			return 4
		}})
		in := r.bytesIn()
		p.send("head")
		r.until("input", func() bool { return r.loop.Stats().BytesIn >= in+4 })
		p.send("the rest")
		nc := get(r, conns)
		defer nc.Close()
		if err := get(r, ch); err != nil {
			r.Error("closed with", err)
		}
		q := r.peer(nc)
		q.want("the rest")
		// From here on it is any net.Conn, and blocks.
		go func() { p.Write([]byte("more")); p.closeWrite() }()
		got, err := io.ReadAll(q)
		if string(got) != "more" || err != nil {
			r.Errorf("%q, %v", got, err)
		}
		q.send("back")
		q.closeWrite()
		p.want("back")
		p.wantEOF()
		q.SetReadDeadline(time.Now().Add(-1))
		if _, err := q.Read(make([]byte, 1)); err == nil {
			r.Error("a deadline that is over")
		}
	})
}

// To blocking code and back, with bytes that were read ahead each time.
func TestDetachAndAdoptRoundTrips(t *testing.T) {
	needDetach(t)
	each(t, func(r *rig) {
		seen := make(chan string, 8)
		lines := func(c *conn.Conn, p []byte) int {
			i := bytes.IndexByte(p, '\n') + 1
			if i > 0 {
				c.Pause() // one line
				seen <- string(p[:i])
			}
			return i
		}
		c, p := r.serve(conn.Handler{Data: lines})
		p.send("one\ntwo\nthree\nfour\n")
		for i, want := range []string{"one\n", "two\n", "three\n"} {
			if got := get(r, seen); got != want {
				r.Fatalf("%q, want %q", got, want)
			}
			var nc net.Conn
			r.do(func() {
				var err error
				if nc, err = c.Detach(); err != nil {
					r.Fatal(err)
				}
			})
			if i == 2 {
				r.peer(nc).want("four\n")
				break
			}
			r.do(func() {
				var err error
				if c, err = r.loop.Adopt(nc, &conn.Handler{Data: lines}); err != nil {
					r.Fatal(err)
				}
			})
		}
	})
}

func TestDetachPending(t *testing.T) {
	needDetach(t)
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{})
		out := flood(8 << 20)
		conns := make(chan net.Conn, 1)
		r.do(func() {
			c.Write(out)
			if _, err := c.Detach(); !errors.Is(err, conn.ErrPending) {
				r.Error(err)
			}
			c.OnDrain(func() {
				var try func()
				try = func() {
					nc, err := c.Detach()
					if errors.Is(err, conn.ErrPending) {
						r.loop.After(time.Millisecond, try)
						return
					}
					conns <- nc
				}
				try()
			})
		})
		p.want(string(out))
		nc := get(r, conns)
		defer nc.Close()
		nc.Write([]byte("then"))
		p.want("then")
	})
}

// What was written in the same callback is sent, and the loop lets go: it has
// no word in what happens next.
func TestDetachSendsFirst(t *testing.T) {
	needDetach(t)
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{})
		var nc net.Conn
		r.do(func() {
			c.WriteString("first ")
			var err error
			if nc, err = c.Detach(); err != nil {
				r.Fatal(err)
			}
			if _, err := c.Write([]byte("lost")); !errors.Is(err, net.ErrClosed) {
				r.Error(err)
			}
			nc.Write([]byte("second"))
			nc.Close()
		})
		p.want("first second")
		p.wantEOF()
	})
}
