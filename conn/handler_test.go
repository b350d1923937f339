// The contract of Handler: which calls come, with what, in which order.

package conn_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

func TestOpenIsFirst(t *testing.T) {
	each(t, func(r *rig) {
		calls := make(chan string, 8)
		r.listen(&conn.Handler{
			Open:  func(c *conn.Conn) { calls <- "open" },
			Data:  func(c *conn.Conn, p []byte) int { calls <- string(p); return len(p) },
			End:   func(c *conn.Conn) { calls <- "end"; c.Close() },
			Close: func(c *conn.Conn, err error) { calls <- "close " + err.Error() },
		})
		p := r.dial()
		p.send("x")
		p.closeWrite()
		for _, want := range []string{"open", "x", "end", "close EOF"} {
			if got := get(r, calls); got != want {
				r.Fatalf("call %q, want %q", got, want)
			}
		}
		p.wantEOF()
	})
}

// What Data leaves comes again in front of the next bytes, in one piece.
func TestLeftover(t *testing.T) {
	each(t, func(r *rig) {
		seen := make(chan string, 64)
		_, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int {
			seen <- string(p)
			return strings.LastIndexByte(string(p), '.') + 1 // sentences
		}})
		for _, step := range []struct{ send, see string }{
			{"one", "one"}, {" two.", "one two."}, {"three", "three"}, {" four. five", "three four. five"},
			{" ", " five "}, {"six.", " five six."}, {"", ""},
		} {
			if step.send == "" {
				break
			}
			p.send(step.send)
			if got := get(r, seen); got != step.see {
				r.Fatalf("Data saw %q, want %q", got, step.see)
			}
		}
	})
}

// A big message byte counts: leftover across many reads, then all at once.
func TestLeftoverGrows(t *testing.T) {
	each(t, func(r *rig) {
		msg := flood(1 << 20)
		done := make(chan bool, 1)
		_, p := r.serve(conn.Handler{Hold: 1 << 20, Data: func(c *conn.Conn, p []byte) int {
			if len(p) < len(msg) {
				return 0
			}
			done <- string(p) == string(msg)
			return len(p)
		}})
		p.Write(msg)
		if !get(r, done) {
			r.Fatal("other bytes than were sent")
		}
	})
}

func TestHold(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		_, p := r.serve(conn.Handler{Hold: 10, Close: onClose, Data: func(c *conn.Conn, p []byte) int { return 0 }})
		p.send("0123456789")
		r.turns(3)
		if len(ch) > 0 {
			r.Fatal("closed at the limit, not past it")
		}
		p.send("x")
		r.wantErr(ch, conn.ErrHold)
	})
}

// While paused, Data may leave what it likes.
func TestHoldPaused(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		seen := make(chan int, 8)
		c, p := r.serve(conn.Handler{Hold: 2, Close: onClose, Data: func(c *conn.Conn, p []byte) int {
			c.Pause()
			seen <- len(p)
			return 0
		}})
		p.send("12345")
		get(r, seen)
		r.turns(3)
		r.do(func() {
			c.SetHandler(&conn.Handler{Close: onClose, Data: func(_ *conn.Conn, p []byte) int { seen <- len(p); return len(p) }})
			c.Resume()
		})
		if n := get(r, seen); n != 5 || len(ch) > 0 {
			r.Fatal("5 bytes were held, got", n)
		}
	})
}

func TestResumeDeliversAgain(t *testing.T) {
	each(t, func(r *rig) {
		seen := make(chan string, 8)
		take := 0
		c, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int { seen <- string(p); return take }})
		p.send("abc")
		get(r, seen)
		r.do(func() { c.Pause() })
		p.send("de")
		r.turns(3)
		if len(seen) > 0 {
			r.Fatal("Data was called while paused")
		}
		r.do(func() { take = 1; c.Resume(); c.Resume() })
		if got := get(r, seen); got != "abc" {
			r.Fatalf("Resume brought %q", got)
		}
		if got := get(r, seen); got != "bcde" {
			r.Fatalf("then came %q", got)
		}
	})
}

// The three that ask for held input while Data is running, before it has been
// left: nothing else will come to bring it up again.
func TestLeftoverOfThisCall(t *testing.T) {
	ops := map[string]func(c *conn.Conn, seen chan string){
		"SetHandler": func(c *conn.Conn, seen chan string) {
			c.SetHandler(&conn.Handler{Data: func(c *conn.Conn, p []byte) int { seen <- string(p); return len(p) }})
		},
		"Pipe":   func(c *conn.Conn, seen chan string) { c.Pipe(sinkFunc(func(p []byte) { seen <- string(p) })) },
		"Resume": func(c *conn.Conn, seen chan string) { c.Pause(); c.Resume() },
	}
	for name, op := range ops {
		t.Run(name, func(t *testing.T) {
			each(t, func(r *rig) {
				seen := make(chan string, 8)
				first := true
				_, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int {
					if first {
						first = false
						op(c, seen)
						return len("head:")
					}
					seen <- string(p)
					return len(p)
				}})
				p.send("head:rest")
				if got := get(r, seen); got != "rest" {
					r.Fatalf("got %q", got)
				}
			})
		})
	}
}

// The Hold of a handler counts for what its own Data has left.
func TestHoldOfANewHandler(t *testing.T) {
	each(t, func(r *rig) {
		seen := make(chan string, 4)
		ch, onClose := closes()
		_, p := r.serve(conn.Handler{Close: onClose, Data: func(c *conn.Conn, p []byte) int {
			c.SetHandler(&conn.Handler{Hold: 1, Close: onClose, Data: func(c *conn.Conn, p []byte) int { seen <- string(p); return len(p) }})
			return 1
		}})
		p.send("123456")
		if got := get(r, seen); got != "23456" || len(ch) > 0 {
			r.Error(got)
		}
	})
}

// A handler that comes after the peer's end is told of it, once it has seen the
// input that was left.
func TestSetHandlerAfterEnd(t *testing.T) {
	each(t, func(r *rig) {
		calls := make(chan string, 8)
		c, p := r.serve(conn.Handler{Data: func(*conn.Conn, []byte) int { return 0 },
			End: func(*conn.Conn) { calls <- "end" }})
		in := r.bytesIn()
		p.send("left")
		r.until("input", func() bool { return r.loop.Stats().BytesIn >= in+4 })
		p.closeWrite()
		get(r, calls)
		h := &conn.Handler{Data: func(_ *conn.Conn, p []byte) int { calls <- string(p); return len(p) },
			End: func(c *conn.Conn) { calls <- "end again"; c.SetHandler(nil) }} // whose End closes
		r.do(func() { c.Pause(); c.SetHandler(h) })
		r.turns(3)
		if len(calls) > 0 {
			r.Error("called while paused:", <-calls)
		}
		r.do(func() { c.CloseWrite(); c.Resume() })
		for _, want := range []string{"left", "end again"} {
			if got := get(r, calls); got != want {
				r.Errorf("%q, want %q", got, want)
			}
		}
		p.wantEOF()
		r.turns(3)
	})
}

func TestNilHandlerDiscards(t *testing.T) {
	each(t, func(r *rig) {
		r.listen(nil)
		p := r.dial()
		p.send("hello")
		p.closeWrite()
		p.wantEOF()
		if r.log.String() != "" {
			r.Fatal(r.log)
		}
	})
}

// Half-closed peers get their output.
func TestEndThenOutput(t *testing.T) {
	each(t, func(r *rig) {
		ended := make(chan bool, 1)
		ch, onClose := closes()
		c, p := r.serve(conn.Handler{End: func(c *conn.Conn) { ended <- true }, Close: onClose})
		p.closeWrite()
		get(r, ended)
		r.turns(3)
		big := flood(4 << 20)
		r.do(func() { c.Write(big); c.Close() })
		got, err := io.ReadAll(p)
		if err != nil || !slices.Equal(got, big) {
			r.Fatal(len(got), err)
		}
		r.wantErr(ch, io.EOF)
	})
}

// A peer that has gone altogether is noticed while nothing is read: after its
// FIN (a long poll), and while paused. select(2) cannot tell: see package poller.
func TestGoneWhileNotReading(t *testing.T) {
	for _, how := range []string{"ended", "paused"} {
		t.Run(how, func(t *testing.T) {
			each(t, func(r *rig) {
				if r.name == "select" || r.name == "devpoll" || r.name == "kqueue" && r.network == "unix" {
					r.Skip("this poller reports nothing of it while nothing is asked for")
				}
				if how == "paused" && r.network == "unix" {
					r.Skip("a Unix socket knows no reset, and a close is an end like any other")
				}
				ended := make(chan bool, 1)
				ch, onClose := closes()
				c, p := r.serve(conn.Handler{End: func(c *conn.Conn) { ended <- true }, Close: onClose})
				if how == "ended" {
					p.closeWrite()
					get(r, ended)
				} else {
					r.do(c.Pause)
				}
				r.turns(2)
				p.reset()
				var errno syscall.Errno
				if err := get(r, ch); !errors.As(err, &errno) || errno == 0 {
					r.Fatalf("closed with %v, want an errno", err)
				}
			})
		})
	}
}

// After the end every method returns net.ErrClosed and does no harm.
func TestAfterClose(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		var again int
		h := conn.Handler{Close: onClose, Timeout: func(*conn.Conn) { again++ }, Drain: func(*conn.Conn) { again++ }}
		c, _ := r.serve(h)
		drained := make(chan bool, 4)
		check := func(when string) {
			for i, err := range []error{
				second(c.Write([]byte("x"))), second(c.WriteString("x")), second(c.Writev([]byte("x"))),
				c.CloseWrite(), c.Close(), second(c.Detach()),
			} {
				if !errors.Is(err, net.ErrClosed) {
					r.Errorf("%s: method %d answered %v", when, i, err)
				}
			}
			for n := 0; !c.Full(); n++ { // who ignores errors gets out of this, too
				if c.Write([]byte("x")); n > 100 {
					r.Errorf("%s: never full", when)
					break
				}
			}
			c.Pause()
			c.Resume()
			c.SetTimeout(1)
			c.SetDeadline(1)
			c.Pipe(c)
			c.OnDrain(func() { drained <- true })
		}
		r.do(func() { c.Write(flood(1 << 20)); c.Close(); check("closing"); c.Abort(); check("aborted") })
		r.wantErr(ch, net.ErrClosed)
		r.do(func() {
			check("closed")
			if err := c.Abort(); !errors.Is(err, net.ErrClosed) {
				r.Error(err)
			}
			if c.RemoteAddr() != nil || c.LocalAddr() != nil {
				r.Error("an address after the end")
			}
		})
		for range 2 { // who asked when it was over already had been told
			get(r, drained)
		}
		r.turns(4)
		if again != 0 || len(ch) > 0 || len(drained) > 0 {
			r.Error("called after the end")
		}
	})
}

func second[T any](_ T, err error) error { return err }

// sinkFunc is a Sink that is never full.
type sinkFunc func(p []byte)

func (f sinkFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }
func (f sinkFunc) Full() bool                  { return false }
func (f sinkFunc) OnDrain(fn func())           { fn() }
func (f sinkFunc) Close() error                { return nil }
