// Hijacking: the connection leaves the loop and is the handler's.

package nethttp

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
)

var errHijackBody = errors.New("nethttp: Hijack comes after a chunked request body")

// Hijack is that of http.Hijacker. The reader has what came behind the request's
// head. What the handler has written is sent before.
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
	if r.status != 0 {
		if err := r.flush(); err != nil {
			return nil, nil, err
		}
	}
	type result struct {
		nc    net.Conn
		input []byte
		err   error
	}
	done := make(chan result, 1)
	err := c.w.Post(func() {
		c.detach(func(nc net.Conn, input []byte, err error) { done <- result{nc, input, err} })
	})
	if err != nil {
		return nil, nil, errOver
	}
	got := <-done
	c.mu.Lock()
	r.hijacked = c.hijacked
	c.mu.Unlock()
	if r.hijacked {
		c.adapter.pool.leave() // its goroutine is the connection's now
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

// detach takes the connection off the loop, once its output is out.
func (c *call) detach(done func(nc net.Conn, input []byte, err error)) {
	x := c.exchange()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case x == nil:
		done(nil, nil, errOver)
		return
	case c.desk.head.Framing == parser.Chunked && (x.Receiving() || c.in.buf != nil):
		done(nil, nil, errHijackBody)
		return
	}
	var input []byte
	if in := &c.in; in.buf != nil {
		input = append(input, in.buf.B[in.off:]...) // they are the client's bytes as they came
	}
	c.hijacked = true
	k := x.HandOver(&conn.Handler{
		Data: func(*conn.Conn, []byte) int { return 0 },
		End:  func(*conn.Conn) {},
	})
	k.Pause()
	c.desk.giveBack(c)
	var try func()
	try = func() {
		nc, err := k.Detach()
		if err == conn.ErrPending {
			k.OnDrain(try)
			return
		}
		done(nc, input, err)
	}
	try()
}
