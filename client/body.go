// The body of an answer: to a function, to memory, or to a sink, as it arrives and no
// faster than it is consumed.

package client

import (
	"fmt"
	"io"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/content"
	"github.com/lurcher-net/lurcher/internal/field"
)

// mostTrailer is the number of fields that a trailer section may have, or MaxFields if that is less.
const mostTrailer = 256

var errCut = fmt.Errorf("client: the answer was cut off: %w", io.ErrUnexpectedEOF)

// cut returns the error of an exchange whose connection has ended.
func cut(x *exchange, err error) error {
	switch {
	case err == io.ErrUnexpectedEOF: // nothing that comes from the network is that without a context
		return errShortFile
	case err != nil && err != io.EOF:
		return err
	case x.is(began):
		return errCut
	}
	return ErrNoAnswer
}

// readBody delivers the next piece of the body.
func (s *session) readBody(x *exchange, p []byte) (used int, more bool) {
	data, n, err := x.body.Next(p, min(x.pool.limits.maxFields, mostTrailer), true)
	last := err == io.EOF
	switch {
	case last || err == nil:
	case err == content.ErrMore:
		return 0, false
	default:
		x.fail(&Error{Phase: Body, Err: err})
		return len(p), false
	}
	x.received += int64(len(data))
	if x.received > s.o.pool.limits.maxBody {
		x.fail(&Error{Phase: Body, Err: ErrBodyLarge})
		return len(p), false
	}
	if last {
		s.complete(x, data, n < len(p))
		return n, true
	}
	if len(data) > 0 {
		x.arm()
		x.sink(data, nil)
	}
	return n, true
}

// complete ends an exchange with the last piece of its body. The connection is free already when the program gets it.
func (s *session) complete(x *exchange, data []byte, unread bool) {
	sink, gen := x.sink, x.gen
	defer func() { // also if the program panics in OnConn of the next exchange
		if x.gen != gen {
			return // it was aborted, there
		}
		x.finished()
		sink(data, io.EOF)
	}()
	s.free(x, unread)
}

// Stream calls fn with the answer's body, piece by piece as it arrives. err is nil
// while there may be more, io.EOF with the last piece, which may be empty, or an
// *[Error] if the rest is not going to come. p is valid until fn returns. If the
// answer has no body, Stream calls fn before it returns, at any time.
//
// Only one of Stream, Body and Pipe may be called, and only once. It may be called
// after Do's function has returned, but within BodyTimeout: until then the body waits
// with the server. When fn is called with an error the exchange is over, and its
// connection may already serve another.
func (r Response) Stream(fn func(p []byte, err error)) error {
	x := r.x
	switch {
	case !r.valid() && r.empty:
		fn(nil, io.EOF) // it was over before this call
		return nil
	case !r.valid():
		return errOver
	case x.sink != nil:
		return ErrBodyTaken
	case x.read == tunnel:
		return ErrHijack
	case x.read == over:
		x.sink = fn // it is called once
		fn(nil, io.EOF)
		return nil
	case x.read != bodying:
		return errOver // an interim answer has no body
	}
	x.sink = fn
	if x.s.feeding {
		return nil // Do's function is running: see answered
	}
	x.arm()
	if !x.is(paused) {
		x.s.feed()
	}
	return nil
}

// Body collects the answer's body and calls fn with all of it, or with an *[Error].
// body is valid until fn returns. If there are more than max bytes the error is
// ErrBodyLarge: use Stream for what is large. What is collected counts for
// [conn.Loop.MaxMemory].
func (r Response) Body(max int, fn func(body []byte, err error)) error {
	x := r.x
	if r.valid() && x.read == bodying && x.sink == nil && x.body.Remaining() > int64(max) {
		x.sink = func(_ []byte, err error) { fn(nil, err) }
		x.fail(&Error{Phase: Body, Err: ErrBodyLarge})
		return nil
	}
	var all []byte   // what came before the last piece
	var c *conn.Conn // which is charged for it
	return r.Stream(func(p []byte, err error) {
		if err != nil && c != nil {
			c.Charge(-cap(all))
		}
		switch {
		case err != nil && err != io.EOF:
			fn(nil, err)
		case len(all)+len(p) > max && err == nil:
			x.fail(&Error{Phase: Body, Err: ErrBodyLarge}) // which comes back here
		case len(all)+len(p) > max:
			fn(nil, &Error{Phase: Body, Written: true, Err: ErrBodyLarge})
		case err == nil:
			before := cap(all)
			all = append(all, p...)
			c = x.s.conn
			c.Charge(cap(all) - before)
		case all == nil:
			fn(p, nil)
		default:
			fn(append(all, p...), nil)
		}
	})
}

// Pipe sends the answer's body to dst as it arrives, and closes dst at the end of the
// body. The trailer section goes to dst's method Trailer, if it has one as a
// server.Response does; if Pipe is called in Do's function, without the fields that
// Connection lists (RFC 9110 7.6.1). While dst is full the body waits with the server. If the body is
// cut off, dst is not closed, but aborted if it has an Abort method. If dst fails, the
// exchange is aborted. dst has to be on the same loop.
//
// If there is a body, the head of a server.Response is sent at once, and does not wait
// for the first bytes of the body.
func (r Response) Pipe(dst conn.Sink) error {
	q := r.Request()
	if m, ok := dst.(headed); ok && r.valid() {
		r.announce(m)
	}
	return r.Stream(func(p []byte, err error) {
		if err != nil && err != io.EOF {
			if a, ok := dst.(interface{ Abort() error }); ok {
				a.Abort()
			} else {
				dst.Close()
			}
			return
		}
		if len(p) > 0 {
			if _, werr := dst.Write(p); werr != nil {
				q.Abort() // there is nothing left to take the body
				return
			}
		}
		switch {
		case err == io.EOF:
			dst.Close()
		case dst.Full():
			r.Pause()
			dst.OnDrain(r.Resume)
		}
	})
}

// A headed Sink is a message: it has a head and a trailer section, like a server.Response.
type headed interface {
	conn.Sink
	Trailer(name, value string) error
}

// announce sends the head of m, to which the body is piped, and keeps the trailer
// section for it.
func (r Response) announce(m headed) {
	if r.x.read == bodying || r.x.method == "HEAD" { // whose answer may have no length
		m.Write(nil)
	}
	if r.Length() < 0 {
		passes := field.Trails(nil, nil)
		if h := r.head(); h != nil {
			passes = field.Trails(h.Fields, h.buf)
		}
		r.Trailer(func(name, value []byte) {
			if n := string(name); passes(n) {
				m.Trailer(n, string(value))
			}
		})
	}
}
