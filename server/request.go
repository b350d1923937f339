// Request: the program's handle on what the client asked for.

package server

import (
	"iter"
	"net"
)

// A Request is what a client asked for. It is a handle that may be copied and kept,
// to read the body later. But Method, Target, Path, Query, PathValue, Host, Get and
// All return their values only while the handler runs, and nothing after it. Its
// methods must be called on the loop's goroutine.
type Request struct {
	s   *session
	gen uint32
}

func (r Request) valid() bool {
	if debugging {
		r.s.own()
	}
	return r.s != nil && r.s.gen == r.gen
}

// head returns the parsed head, or nil when the handler has returned.
func (r Request) head() *head {
	if !r.valid() {
		return nil
	}
	if h := r.s.head; h != nil && h.buf != nil {
		return h
	}
	return nil
}

// Method returns the request's method, such as "GET". Methods are case-sensitive.
func (r Request) Method() []byte {
	if h := r.head(); h != nil {
		return h.Method.Of(h.buf)
	}
	return nil
}

// Target returns the request's target as it was sent (RFC 9112 3.2).
func (r Request) Target() []byte {
	if h := r.head(); h != nil {
		return h.Target.Of(h.buf)
	}
	return nil
}

// Path returns the path of the target, still encoded: the part before the query.
func (r Request) Path() []byte {
	if h := r.head(); h != nil {
		return h.Path.Of(h.buf)
	}
	return nil
}

// Query returns what follows the "?" of the target, still encoded. It is nil if
// there is no "?", and empty but not nil if nothing follows the "?".
func (r Request) Query() []byte {
	if h := r.head(); h != nil {
		return h.Query.Of(h.buf)
	}
	return nil
}

// PathValue returns the decoded value of the wildcard with that name, if package
// nethttp's Mux has chosen the handler by a pattern that has one. Otherwise it
// returns "".
func (r Request) PathValue(name string) string {
	if h := r.head(); h != nil && h.values != nil {
		return h.values.PathValue(name)
	}
	return ""
}

// Host returns the host, and port if any, that the request is for: the authority of
// an absolute target, or else the Host field (RFC 9112 3.3).
func (r Request) Host() []byte {
	if h := r.head(); h != nil {
		return h.Host.Of(h.buf)
	}
	return nil
}

// Get returns the value of the first field of that name, or nil if there is none.
// The case of letters in names does not matter.
func (r Request) Get(name string) []byte {
	if h := r.head(); h != nil {
		return h.Request.Get(h.buf, name)
	}
	return nil
}

// All returns an iterator over the fields, names and values, in the order they came.
func (r Request) All() iter.Seq2[[]byte, []byte] {
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

// Length returns how many bytes of the body are still to come: 0 if there are no
// more, -1 if the body is chunked.
func (r Request) Length() int64 {
	if !r.valid() || r.s.phase != receiving {
		return 0
	}
	return r.s.x.body.Remaining()
}

// Minor returns the minor version of HTTP/1 that the client speaks: 0 or 1.
func (r Request) Minor() int {
	if r.valid() && r.s.is(old) {
		return 0
	}
	return 1
}

// RemoteAddr returns the address of the client, or nil if the client has left.
func (r Request) RemoteAddr() net.Addr {
	if !r.valid() {
		return nil
	}
	return r.s.conn.RemoteAddr()
}

// LocalAddr returns the address that the client connected to, or nil if the
// exchange is over.
func (r Request) LocalAddr() net.Addr {
	if !r.valid() {
		return nil
	}
	return r.s.conn.LocalAddr()
}
