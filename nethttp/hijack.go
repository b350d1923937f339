// Hijacking: the connection leaves the loop and belongs to the handler.

package nethttp

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/parser"
)

var errHijackBody = errors.New("nethttp: Hijack comes after a chunked request body")

// Hijack implements http.Hijacker. The reader has what came after the request's head.
// What the handler has written is sent first: also the head of a 101, or of a 2xx to
// CONNECT, which WriteHeader has kept until now.
func (r *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.call
	switch {
	case r.done:
		panic("nethttp: Hijack called after ServeHTTP finished")
	case r.hijacked:
		return nil, nil, http.ErrHijacked
	}
	tunnel := r.tunnel() && !r.committed
	if r.status != 0 && !tunnel {
		if err := r.flush(); err != nil {
			return nil, nil, err
		}
	}
	got := r.detach(tunnel)
	if r.hijacked {
		c.peer.site.adapter.pool.leave(c) // its goroutine is the connection's now
	}
	if got.err != nil {
		return nil, nil, got.err
	}
	nc := got.nc
	if len(got.input) > 0 {
		nc = &prefixed{Conn: nc, input: got.input}
	}
	in := bufio.NewReader(nc)
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn, *tls.Conn:
	default:
		in.Peek(1) // what is here already: it does not wait
	}
	return nc, bufio.NewReadWriter(in, bufio.NewWriter(nc)), nil
}

// A prefixed connection reads what the loop had read of a body.
type prefixed struct {
	net.Conn
	input []byte
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.input) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.input)
	p.input = p.input[n:]
	return n, nil
}

// detached is the connection, and what the loop had read of the body.
type detached struct {
	nc    net.Conn
	input []byte
	err   error
}

// detach makes the loop release the connection. r.mu is held.
func (r *response) detach(tunnel bool) detached {
	c := r.call
	done := make(chan detached, 1)
	err := c.onLoop(func() {
		if err := c.letGo(tunnel, done); err != nil {
			done <- detached{err: err}
		}
	})
	if err != nil {
		return detached{err: errOver}
	}
	c.lease.Leave() // what hijacks stays
	got := <-done
	c.mu.Lock()
	defer c.mu.Unlock()
	r.hijacked = c.state == hijacked
	return got
}

// letGo takes the connection off the loop, once its output is out.
func (c *call) letGo(tunnel bool, done chan<- detached) error {
	x, d := c.exchange(), c.desk
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case x == nil:
		return errOver
	case d.head.Framing == parser.Chunked && (x.Receiving() || c.in.buf != nil):
		return errHijackBody
	}
	if tunnel {
		o := c.resp.opening() // the goroutine waits for us
		o.Lines, o.Tunnel, o.Length = d.fields, true, adapt.UntilClose
		if err := x.Begin(o); err != nil {
			return err
		}
		if len(d.buf) > 0 {
			c.w.Write(d.buf)
		}
	}
	var input []byte
	if in := &c.in; in.buf != nil {
		input = append(input, in.buf.B[in.off:]...) // they are the client's bytes as they came
	}
	c.state = hijacked
	k := x.HandOver(&leaving)
	d.giveBack(c)
	leave(k, func(nc net.Conn, err error) { done <- detached{nc, input, err} })
	return nil
}

// leaving is the Handler of a connection that is about to leave its loop: what comes is
// for whoever gets it.
var leaving = conn.Handler{Data: func(*conn.Conn, []byte) int { return 0 }, End: func(*conn.Conn) {}}

// leave takes k off its loop once its output is out, and then calls fn with it.
func leave(k *conn.Conn, fn func(nc net.Conn, err error)) {
	k.Pause()
	nc, err := k.Detach()
	if err == conn.ErrPending {
		k.OnDrain(func() { leave(k, fn) })
		return
	}
	fn(nc, err)
}
