// The body of an answer: to a function, to memory, or to a sink, as it arrives and no
// faster than it is taken.

package client

import (
	"errors"
	"fmt"
	"io"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
)

// mostTrailer is how many fields a trailer section may have.
const mostTrailer = 32

var errCut = fmt.Errorf("client: the answer was cut off: %w", io.ErrUnexpectedEOF)

// cut says what the end of a connection was for its exchange.
func cut(x *exchange, err error) error {
	switch {
	case err != nil && err != io.EOF:
		return err
	case x.is(began):
		return errCut
	}
	return ErrNoAnswer
}

// readBody delivers the next piece of the body.
func (s *session) readBody(x *exchange, p []byte) (used int, more bool) {
	data, n, err := x.nextBody(p)
	last := err == io.EOF
	switch {
	case err == errMore:
		return 0, false
	case err != nil && !last:
		x.fail(&Error{Phase: Body, Err: err})
		return len(p), false
	}
	x.received += int64(len(data))
	if x.received > s.o.pool.limits.maxBody {
		x.fail(&Error{Phase: Body, Err: ErrBodyLarge})
		return len(p), false
	}
	if last {
		sink := x.sink
		s.free(x, n < len(p))
		x.finished()
		sink(data, io.EOF)
		return n, true
	}
	if len(data) > 0 {
		x.arm()
		x.sink(data, nil)
	}
	return n, true
}

// Stream has fn called with the answer's body, piece by piece as it arrives: err is
// nil while there may be more, io.EOF with the last piece, which may be empty,
// or an *[Error] if the rest is not going to come. p is valid until fn returns. An
// answer without a body has fn called before Stream returns.
//
// Stream, Body and Pipe may be called later than in Do's function, but within
// BodyTimeout: until then the body waits with the server. One of them is called,
// once. When fn is called with an error the exchange is over, and its connection
// may serve another already.
func (r Response) Stream(fn func(p []byte, err error)) error {
	x := r.x
	switch {
	case !r.valid():
		return errOver
	case x.sink != nil:
		return errBodyTaken
	case x.read == tunnel:
		return errTunnel
	case x.read == over:
		x.sink = fn // it is called once
		fn(nil, io.EOF)
		return nil
	case x.read != bodying:
		return errOver // an interim answer has no body
	}
	x.sink = fn
	x.arm()
	if !x.is(paused) {
		x.s.feed()
	}
	return nil
}

// Body collects the answer's body and calls fn with all of it, or with an *[Error].
// body is valid until fn returns. More than max bytes are ErrBodyLarge: use
// Stream for what is large.
func (r Response) Body(max int, fn func(body []byte, err error)) error {
	x := r.x
	if r.valid() && x.read == bodying && x.sink == nil && x.body.Remaining() > int64(max) {
		x.sink = func(_ []byte, err error) { fn(nil, err) }
		x.fail(&Error{Phase: Body, Err: ErrBodyLarge})
		return nil
	}
	var all []byte // what came before the last piece
	return r.Stream(func(p []byte, err error) {
		switch {
		case err != nil && err != io.EOF:
			fn(nil, err)
		case len(all)+len(p) > max && err == nil:
			x.fail(&Error{Phase: Body, Err: ErrBodyLarge}) // which comes back here
		case len(all)+len(p) > max:
			fn(nil, &Error{Phase: Body, Written: true, Err: ErrBodyLarge})
		case err == nil:
			all = append(all, p...)
		case all == nil:
			fn(p, nil)
		default:
			fn(append(all, p...), nil)
		}
	})
}

// Pipe sends the answer's body to dst as it arrives, and closes dst at its end.
// While dst is full the body waits with the server. If the body is cut off dst is
// not closed but, where it has an Abort method, aborted; if dst fails, so is the
// exchange. dst has to be on the same loop.
func (r Response) Pipe(dst conn.Sink) error {
	q := Request{x: r.x, gen: r.gen}
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
				q.Abort() // nobody takes the body any more
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

// errMore is nextBody's word for a trailer section that has not all come.
var errMore = errors.New("more of the trailer section")

// nextBody finds the next piece of the body. A trailer section that is wanted
// belongs to its end.
func (x *exchange) nextBody(p []byte) (data []byte, n int, err error) {
	if x.section == nil {
		data, n, err = x.body.Next(p)
		if err != parser.ErrTrailer {
			return data, n, err
		}
		x.section = &parser.Trailer{Fields: make([]parser.Field, 0, mostTrailer)}
		return data, n, nil
	}
	n, err = x.section.Parse(p)
	switch {
	case err != nil:
		return nil, n, err
	case n == 0:
		return nil, 0, errMore
	}
	for _, f := range x.section.Fields {
		x.onTrailer(f.Name(p), f.Value(p))
	}
	return nil, n, io.EOF
}
