// Response: the program's handle on an answer.

package client

import (
	"crypto/tls"
	"iter"
	"net"

	"github.com/lurcher-net/lurcher/conn"
)

// A Response is a server's answer. It is a handle that may be copied and kept, to read
// the body later. But Get and All return fields only while the function that was
// given the Response runs, and nothing after it. Its methods must be called on the
// loop's goroutine.
type Response struct {
	x      *exchange
	gen    uint32
	status uint16
	empty  bool // it has no body
}

func (r Response) valid() bool { return r.x != nil && r.x.gen == r.gen }

// head returns the parsed head, or nil when the program's function has returned.
func (r Response) head() *head {
	if !r.valid() {
		return nil
	}
	return r.x.head
}

// Request returns the handle of the request that this is the answer to.
func (r Response) Request() Request { return Request{r.x, r.gen} }

// Status returns the status code, three digits. It does so at any time.
func (r Response) Status() int { return int(r.status) }

// Reason returns the reason phrase, which has no meaning (RFC 9112 4) and may be empty. It
// is nil if the space in front of it is missing too.
func (r Response) Reason() []byte {
	h := r.head()
	if h == nil || h.Reason.Len == 0 && h.buf[h.Reason.Off-1] != ' ' {
		return nil
	}
	return h.Reason.Of(h.buf)
}

// Minor returns the minor version of HTTP/1 that the server speaks: 0 or 1.
func (r Response) Minor() int {
	if h := r.head(); h != nil {
		return int(h.Minor)
	}
	return 1
}

// Get returns the value of the first field of that name, or nil if there is none. The
// case of letters in names does not matter.
func (r Response) Get(name string) []byte {
	if h := r.head(); h != nil {
		return h.Get(h.buf, name)
	}
	return nil
}

// All returns an iterator over the fields, names and values, in the order they came.
func (r Response) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		h := r.head()
		if h == nil {
			return
		}
		for _, f := range h.Fields {
			if !yield(f.Name(h.buf), f.Value(h.buf)) {
				return
			}
		}
	}
}

// Length returns how many bytes of the body are still to come: 0 if there are no more,
// -1 if the body has no Content-Length.
func (r Response) Length() int64 {
	if !r.valid() || r.x.read != bodying {
		return 0
	}
	return r.x.body.Remaining()
}

// Pause stops the reading of the body until Resume. TCP then makes the server wait.
// BodyTimeout does not run meanwhile.
func (r Response) Pause() {
	if x := r.x; r.valid() && x.read == bodying {
		x.set(paused)
		x.s.conn.Pause()
		x.arm()
	}
}

// Resume undoes Pause.
func (r Response) Resume() {
	if x := r.x; r.valid() && x.is(paused) {
		x.clear(paused)
		if x.s.waiting = x.sink == nil; !x.s.waiting {
			x.s.conn.Resume()
		}
		x.arm()
	}
}

// Trailer calls fn with each field of the trailer section that follows a chunked body,
// before the last call of the function given to Stream or Body. Call Trailer before
// these. The bytes that fn gets are valid until it returns.
func (r Response) Trailer(fn func(name, value []byte)) error {
	switch x := r.x; {
	case !r.valid():
		return errOver
	case x.sink != nil:
		return ErrBodyTaken
	case x.read == bodying:
		x.body.OnTrailer(fn)
	}
	return nil
}

// TLS returns the state of the encrypted connection, while the exchange has one. It
// returns nil under http. It must not be changed.
func (r Response) TLS() *tls.ConnectionState {
	if r.valid() && r.x.s != nil {
		return r.x.s.conn.TLS()
	}
	return nil
}

// RemoteAddr returns the server's address, while the exchange has a connection.
func (r Response) RemoteAddr() net.Addr {
	if r.valid() && r.x.s != nil {
		return r.x.s.conn.RemoteAddr()
	}
	return nil
}

// Reused reports whether the connection had served a request before, or had waited for
// one: the server may have been about to close it.
func (r Response) Reused() bool { return r.valid() && r.x.is(reused) }

// Hijack ends HTTP on the connection and hands it over to h, with the input that has
// come after the answer's head. It is for a 101, or a 2xx to CONNECT. Call it in Do's
// function, or within BodyTimeout after it. h.Open is not called.
func (r Response) Hijack(h *conn.Handler) (*conn.Conn, error) {
	x := r.x
	switch {
	case !r.valid():
		return nil, errOver
	case x.read != tunnel:
		return nil, ErrHijack
	}
	s := x.s
	c, o := s.conn, s.o
	s.x, x.s, s.state = nil, nil, gone
	o.open--
	x.finished()
	c.State = nil
	c.SetDeadline(0)
	c.SetHandler(h)
	if s.waiting {
		s.waiting = false
		c.Resume()
	}
	o.pump()
	return c, nil
}
