// Random operations by both peers, against what must hold whatever they do.

package conn_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// A life is what a handler has seen of a connection.
type life struct {
	t      testing.TB
	opened bool
	ended  bool
	closed bool
	ending bool // no more random acts
	whole  bool // nothing but orderly ends so far: all bytes must come
	in     []byte
	out    []byte // what Write took
	rnd    *rand.Rand
	gone   chan error
}

func (l *life) call(name string, ok bool) {
	if !ok || l.closed {
		l.t.Errorf("%s was called: opened %v, ended %v, closed %v", name, l.opened, l.ended, l.closed)
	}
}

func (l *life) handler() *conn.Handler {
	return &conn.Handler{
		High: 8 << 10, Hold: 1 << 20, Stall: -1,
		Open: func(c *conn.Conn) { l.call("Open", !l.opened); l.opened = true },
		Data: func(c *conn.Conn, p []byte) int {
			l.call("Data", l.opened)
			n := l.rnd.IntN(len(p) + 1)
			l.in = append(l.in, p[:n]...)
			if n < len(p) && l.rnd.IntN(2) == 0 {
				c.Resume()
			}
			l.act(c)
			return n
		},
		End:     func(c *conn.Conn) { l.call("End", l.opened && !l.ended); l.ended = true },
		Drain:   func(c *conn.Conn) { l.call("Drain", l.opened) },
		Timeout: func(c *conn.Conn) { l.call("Timeout", l.opened) },
		Close: func(c *conn.Conn, err error) {
			l.call("Close", true)
			l.closed = true
			if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				l.t.Error("Write in Close:", err)
			}
			l.gone <- err
		},
	}
}

// act does one thing of those that end nothing.
func (l *life) act(c *conn.Conn) {
	if l.ending {
		return
	}
	switch l.rnd.IntN(8) {
	case 0:
		c.Pause()
	case 1, 2:
		c.Resume()
	case 3:
		c.SetTimeout(time.Duration(l.rnd.IntN(3)) * time.Millisecond)
	case 4:
		c.SetDeadline(time.Duration(l.rnd.IntN(3)) * time.Millisecond)
	case 5:
		c.OnDrain(func() {})
	default:
		if c.Full() {
			return
		}
		p := flood(l.rnd.IntN(1 << (1 + l.rnd.IntN(17))))
		if n, err := c.Write(p); err == nil {
			l.out = append(l.out, p[:n]...)
		}
	}
}

func TestRandomLives(t *testing.T) {
	t.Parallel()
	for _, name := range poller.Names() {
		for _, network := range networks {
			t.Run(name+"/"+network, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, name, network)
				for seed := range uint64(40) {
					t.Run(fmt.Sprint(seed), func(t *testing.T) { oneLife(r, t, seed) })
					if t.Failed() {
						break
					}
				}
				r.until("all slots to be free", func() bool { return r.loop.Stats().Open == 0 })
			})
		}
	}
}

func oneLife(r *rig, t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	l := &life{t: t, rnd: rand.New(rand.NewPCG(seed, 3)), gone: make(chan error, 4), whole: true}
	h := l.handler()
	var c *conn.Conn
	open := h.Open
	h.Open = func(cc *conn.Conn) { c = cc; open(cc) }
	ln := r.listen(h)
	p := r.dial()
	r.until("Open", func() bool { return l.opened })

	received := make(chan []byte, 1)
	var cut error // what the peer's reading ended with: nil if all came that there was
	go func() {
		var b bytes.Buffer
		_, cut = io.Copy(&b, p)
		received <- b.Bytes()
	}()
	var sent []byte
	peerDone := false
	for range rnd.IntN(40) {
		if rnd.IntN(2) == 0 {
			if !peerDone {
				b := flood(rnd.IntN(1 << (1 + rnd.IntN(14))))
				p.SetWriteDeadline(time.Now().Add(5 * time.Millisecond)) // it may be paused
				n, _ := p.Write(b)
				sent = append(sent, b[:n]...)
			}
		} else {
			r.do(func() { l.act(c) })
		}
	}
	// An end, of one kind or another.
	how := rnd.IntN(7)
	r.do(func() { l.ending = true })
	l.end(r, how, c, p, len(sent))
	err := get(r, l.gone)
	got := get(r, received)
	if how == 0 || how == 1 {
		if err != io.EOF {
			t.Errorf("an orderly end: %v", err)
		}
	}
	r.do(func() {
		switch {
		case !bytes.HasPrefix(sent, l.in):
			t.Errorf("Data saw other bytes than the %d that were sent", len(sent))
		case !bytes.HasPrefix(l.out, got):
			t.Errorf("the peer saw other bytes than the %d that were written", len(l.out))
		case l.whole && (len(l.in) != len(sent) || len(got) != len(l.out)):
			t.Errorf("%d of %d bytes came in, %d of %d went out: %v", len(l.in), len(sent), len(got), len(l.out), cut)
		}
		ln.Close()
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	r.turns(3)
	if len(l.gone) > 0 {
		t.Error("Close was called twice")
	}
	p.Close()
}

// end ends a life in one of seven ways, the first two in order. The peer has sent that many
// bytes.
func (l *life) end(r *rig, how int, c *conn.Conn, p *peer, sent int) {
	switch how {
	case 0, 1: // both in order
		p.Conn.(interface{ CloseWrite() error }).CloseWrite()
		r.do(func() {
			c.SetTimeout(0)
			c.Resume()
			var again func()
			again = func() { // until Data has had its way with all of it
				if c.Resume(); !l.ended || len(l.in) < sent {
					c.After(time.Millisecond, again)
				} else {
					c.CloseWrite()
				}
			}
			again()
		})
	case 2:
		l.whole = false
		r.do(func() { c.Abort() })
	case 3:
		l.whole = false
		p.reset()
		r.do(func() {
			c.Resume()
			if r.network == "unix" { // it knows no reset: this was an end like any other
				c.After(5*time.Millisecond, func() { c.Close() })
			}
		})
	case 4:
		l.whole = false
		p.Close()
		r.do(func() { c.Resume(); c.After(5*time.Millisecond, func() { c.Close() }) })
	case 5:
		l.whole = false
		r.do(func() { c.Close(); c.CloseWrite(); c.Abort() })
	case 6:
		l.whole = false
		r.do(func() {
			c.SetHandler(&conn.Handler{Close: c.Handler().Close, Stall: -1})
			c.SetDeadline(time.Millisecond)
		})
	}
}
