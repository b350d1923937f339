// Every kind of callback, and what may go wrong in it: its connection ends alone,
// nothing is left behind, and the loop lives on.

package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// A failing sink fails in one of its methods.
type failingSink struct {
	in   string
	fail func()
}

func (s *failingSink) try(method string) {
	if s.in == method {
		s.fail()
	}
}
func (s *failingSink) Write(p []byte) (int, error) { s.try("Write"); return len(p), nil }
func (s *failingSink) Full() bool                  { s.try("Full"); return s.in == "OnDrain" }
func (s *failingSink) OnDrain(func())              { s.try("OnDrain") }
func (s *failingSink) Close() error                { s.try("Close"); return nil }
func (s *failingSink) Abort() error                { s.try("Abort"); return nil }

// kinds are all that there are. Each sets a connection's handler up so
// that bad, which is given the connection, is called from within it, once the
// peer has sent a byte, and perhaps its FIN.
var kinds = map[string]func(h *conn.Handler, bad func(c *conn.Conn)){
	"Open": func(h *conn.Handler, bad func(c *conn.Conn)) { h.Open = bad },
	"Data": func(h *conn.Handler, bad func(c *conn.Conn)) {
		h.Data = func(c *conn.Conn, p []byte) int { bad(c); return len(p) }
	},
	"held":  func(h *conn.Handler, bad func(c *conn.Conn)) { h.Data = held(bad) },
	"End":   func(h *conn.Handler, bad func(c *conn.Conn)) { h.End = bad },
	"Close": func(h *conn.Handler, bad func(c *conn.Conn)) { h.Close = func(c *conn.Conn, _ error) { bad(c) } },
	"Drain": func(h *conn.Handler, bad func(c *conn.Conn)) {
		h.High, h.Drain = 1, bad
		h.Data = func(c *conn.Conn, p []byte) int { c.Write(p); c.Full(); return len(p) }
	},
	"Timeout": func(h *conn.Handler, bad func(c *conn.Conn)) {
		h.Timeout = bad
		h.Data = func(c *conn.Conn, p []byte) int { c.SetDeadline(time.Millisecond); return len(p) }
	},
	"OnDrain": on(func(c *conn.Conn, bad func()) { c.OnDrain(bad) }),
	"After":   on(func(c *conn.Conn, bad func()) { c.After(0, bad) }),
	"Post":    on(func(c *conn.Conn, bad func()) { c.Post(bad) }),

	"Sink.Write":   sink("Write"),
	"Sink.Full":    sink("Full"),
	"Sink.OnDrain": sink("OnDrain"),
	"Sink.Close":   sink("Close"),
	"Sink.Abort": func(h *conn.Handler, bad func(c *conn.Conn)) {
		h.Open = func(c *conn.Conn) {
			c.Pipe(&failingSink{in: "Abort", fail: func() { bad(c) }})
			c.After(5*time.Millisecond, func() { c.Abort() })
		}
	},
}

// on has set register bad when the first byte comes.
func on(set func(c *conn.Conn, bad func())) func(h *conn.Handler, bad func(c *conn.Conn)) {
	return func(h *conn.Handler, bad func(c *conn.Conn)) {
		h.Data = func(c *conn.Conn, p []byte) int { set(c, func() { bad(c) }); return len(p) }
	}
}

func sink(method string) func(h *conn.Handler, bad func(c *conn.Conn)) {
	return func(h *conn.Handler, bad func(c *conn.Conn)) {
		h.Open = func(c *conn.Conn) { c.Pipe(&failingSink{in: method, fail: func() { bad(c) }}) }
	}
}

// held leaves its input at first, so that bad is called with input that was held.
func held(bad func(c *conn.Conn)) func(c *conn.Conn, p []byte) int {
	return func(c *conn.Conn, p []byte) int {
		if c.State == nil {
			c.State = true
			c.Post(c.Resume)
			return 0
		}
		bad(c)
		return len(p)
	}
}

// What goes wrong in a callback. err is what Handler.Close is given; nil: what an end
// in order gives.
var mistakes = []struct {
	name string
	do   func(c *conn.Conn)
	err  string
}{
	{"panic", func(*conn.Conn) { panic("a mistake") }, "a mistake"},
	{"Goexit", func(*conn.Conn) { runtime.Goexit() }, "Goexit"},
	{"blocks, Close", func(c *conn.Conn) { time.Sleep(20 * time.Millisecond); c.Close() }, ""},
	{"Close", func(c *conn.Conn) { c.Close() }, ""},
	{"Abort", func(c *conn.Conn) { c.Abort() }, ""},
	{"Close, panic", func(c *conn.Conn) { c.Close(); panic("a mistake") }, "a mistake"},
	{"Abort, Goexit", func(c *conn.Conn) { c.Abort(); runtime.Goexit() }, ""},
}

func TestMistakesInCallbacks(t *testing.T) {
	for kind, set := range kinds {
		for _, m := range mistakes {
			t.Run(kind+"/"+m.name, func(t *testing.T) {
				t.Parallel()
				for _, secure := range []bool{false, true} {
					r := newRig(t, "", "tcp")
					r.secure = secure
					h := conn.Handler{Data: func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) }}
					r.listen(&h)
					other := r.dial() // which is to live
					called, closed := make(chan bool, 8), make(chan error, 8)
					var bad conn.Handler
					set(&bad, func(c *conn.Conn) { called <- true; m.do(c) })
					last := bad.Close
					bad.Close = func(c *conn.Conn, err error) {
						closed <- err
						if last != nil {
							last(c, err)
						}
					}
					r.listen(&bad)
					p := r.tryDial()
					p.Write([]byte("x"))
					if kind == "End" || kind == "Close" || kind == "Sink.Close" {
						p.closeWrite()
					}
					get(r, called)
					p.SetReadDeadline(time.Now().Add(patience))
					if kind != "Close" {
						if _, err := io.Copy(io.Discard, p); errors.Is(err, os.ErrDeadlineExceeded) {
							t.Errorf("its peer sees no end")
						}
						err := get(r, closed)
						if m.err != "" && kind != "Close" && kind != "Sink.Abort" && (err == nil || !strings.Contains(err.Error(), m.err)) {
							t.Errorf("Close was given %v", err)
						}
					}
					p.Close()
					other.send("alive")
					other.want("alive")
					r.until("one connection", func() bool { return r.loop.Stats().Open == 1 })
					select {
					case err := <-closed:
						if kind != "Close" {
							t.Errorf("Close came twice, with %v", err)
						}
					default:
					}
					r.cancel(nil)
					if err := r.stopped(); !errors.Is(err, context.Canceled) {
						t.Error("Run returned", err)
					}
				}
			})
		}
	}
}

// tryDial is dial, to who may reset the connection before dial returns.
func (r *rig) tryDial() *peer {
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		nc, _ = net.Pipe()
		nc.Close()
	}
	r.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	if r.secure {
		nc = tls.Client(nc, certified())
	}
	return &peer{Conn: nc, r: r}
}
