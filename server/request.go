// Request: what the client asked.

package server

import (
	"iter"
	"net"

	"github.com/lurcher-net/lurcher/internal/field"
)

// A Request is what a client asked for. It is a handle that may be copied and
// kept, to read the body; but Method, Target, Path, Query, PathValue, Host, Get and All
// answer only while the handler runs, and nothing after it. Its methods belong
// to the loop's goroutine.
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

// head is the parsed head, or nil when the handler has returned.
func (r Request) head() *head {
	if !r.valid() {
		return nil
	}
	if h := r.s.head; h != nil && h.buf != nil {
		return h
	}
	return nil
}

// Method is the request's method, "GET" say. Methods are case-sensitive.
func (r Request) Method() []byte {
	if h := r.head(); h != nil {
		return h.Method.Of(h.buf)
	}
	return nil
}

// Target is the request's target as it was sent (RFC 9112 3.2).
func (r Request) Target() []byte {
	if h := r.head(); h != nil {
		return h.Target.Of(h.buf)
	}
	return nil
}

// Path is the path of the target, still encoded: what stands before the query.
func (r Request) Path() []byte {
	if h := r.head(); h != nil {
		return h.Path.Of(h.buf)
	}
	return nil
}

// Query is what follows the "?" of the target, still encoded: nil where there is no "?", and empty but not
// nil where nothing follows it.
func (r Request) Query() []byte {
	if h := r.head(); h != nil {
		return h.Query.Of(h.buf)
	}
	return nil
}

// PathValue is what the wildcard of that name stands for, decoded, in the pattern
// by which a router has chosen the handler: one of package nethttp's Mux. It is
// empty without one.
func (r Request) PathValue(name string) string {
	if h := r.head(); h != nil && h.values != nil {
		return h.values.PathValue(name)
	}
	return ""
}

// Host is whom the request is for: the authority of an absolute target, or
// else the Host field (RFC 9112 3.3).
func (r Request) Host() []byte {
	if h := r.head(); h != nil {
		return h.Host.Of(h.buf)
	}
	return nil
}

// Get is the value of the first field of that name, in any case of its
// letters, or nil if there is none.
func (r Request) Get(name string) []byte {
	if h := r.head(); h != nil {
		return h.Request.Get(h.buf, name)
	}
	return nil
}

// All ranges over the fields, names and values, in the order they came.
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

// EndToEnd is All without the fields that are for this hop alone, which a proxy does
// not pass on: Connection and what it lists, Transfer-Encoding, Content-Length,
// Upgrade, TE, Expect, Max-Forwards, those of Proxy-* and the like (RFC 9110 7.6.1).
func (r Request) EndToEnd() iter.Seq2[[]byte, []byte] { return field.EndToEnd(r.All()) }

// Length is the length of the body that is still to come, as far as it is
// known: 0 if there is no more, -1 if it is chunked.
func (r Request) Length() int64 {
	if !r.valid() || r.s.phase != receiving {
		return 0
	}
	return r.s.x.body.Remaining()
}

// Minor is the minor version of HTTP/1 that the client speaks: 0 or 1.
func (r Request) Minor() int {
	if r.valid() && r.s.is(old) {
		return 0
	}
	return 1
}

// RemoteAddr is the address of the client, or nil if it has left.
func (r Request) RemoteAddr() net.Addr {
	if !r.valid() {
		return nil
	}
	return r.s.conn.RemoteAddr()
}

// LocalAddr is the address that the client connected to, or nil if the exchange
// is over.
func (r Request) LocalAddr() net.Addr {
	if !r.valid() {
		return nil
	}
	return r.s.conn.LocalAddr()
}
