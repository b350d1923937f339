// Request bodies: to a function, to memory, or to a sink, as they arrive and no
// faster than they are taken.

package server

import (
	"bytes"
	"io"
	"math"
	"slices"
	"time"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/content"
	"github.com/lurcher-net/lurcher/internal/field"
	"github.com/lurcher-net/lurcher/parser"
)

// beginBody is the part of begin for a request that has a body, or that expects something. It
// reports whether the request is to be served.
func (s *session) beginBody(h *head) bool {
	continues, other := false, false
	if h.Expect {
		continues, other = expects(h)
	}
	switch most := s.worker.server.MaxBody; {
	case other:
		s.refuse(417, "the only expectation met here is 100-continue", nil)
		return false
	case most >= 0 && h.Length > most:
		s.refuse(413, "the body is larger than this server takes", ErrTooLarge)
		return false
	case h.Framing == parser.NoBody:
		s.serve(false)
		return true
	}
	if continues && !s.is(left|old) {
		s.set(expecting)
	}
	s.serve(true)
	s.set(eager)
	s.extra().body = content.Of(h.Body())
	s.conn.SetDeadline(0) // the time for the body begins when the program wants it
	return true
}

// expects reads the members of all Expect fields. It reports whether the client
// waits for 100 Continue, and whether it expects anything else (RFC 9110 10.1.1).
func expects(h *head) (continues, other bool) {
	for _, f := range h.Fields {
		if !bytes.EqualFold(f.Name(h.buf), []byte("Expect")) {
			continue
		}
		for member := range bytes.SplitSeq(f.Value(h.buf), []byte(",")) {
			switch m := bytes.Trim(member, " \t"); {
			case len(m) == 0: // RFC 9110 5.6.1.2
			case bytes.EqualFold(m, []byte("100-continue")):
				continues = true
			default:
				other = true
			}
		}
	}
	return continues, other
}

const (
	// leastBody bytes have to arrive within BodyTimeout, so that a client that
	// sends a byte now and then cannot hold a connection for ever.
	leastBody = 4 << 10
	// discardMost bytes of a body that nobody wanted are discarded at most, to keep
	// the connection.
	discardMost = 256 << 10
	// pooledBody is the size of the largest buffer that is lent again.
	pooledBody = 256 << 10
	// mostTrailer is the number of fields that a trailer section may have.
	mostTrailer = 32
)

// bodyPool lends buffers to bodies that come in pieces. It gets none back that is large,
// because it would lend it to a client that sends little, and takes its time.
var bodyPool bytebufferpool.Pool

func putBody(b *bytebufferpool.ByteBuffer) {
	if cap(b.B) <= pooledBody {
		bodyPool.Put(b)
	}
}

// roomFor returns b with room for n more bytes. It doubles the capacity, because append
// would copy a large body several times, but not past what is still to come, or -1.
func roomFor(b []byte, n int, rest int64) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	more := max(n, cap(b))
	if rest >= 0 {
		more = int(min(int64(more), int64(n)+rest))
	}
	return slices.Grow(b, more)
}

// bodyTime returns how long it may take until leastBody more bytes have come. When the server
// stops it is DrainTimeout, for as much less.
func (s *session) bodyTime() time.Duration { return s.within(s.worker.server.BodyTimeout) }

// progressed reports whether enough of the body has come since its last call.
func (s *session) progressed() bool {
	least := int64(leastBody)
	if usual, d := s.worker.server.BodyTimeout, s.bodyTime(); d != usual {
		least = max(int64(float64(d)/float64(usual)*leastBody), 1)
	}
	x := s.x
	ok := x.received-x.seen >= least
	x.seen = x.received
	return ok
}

// Stream calls fn with the request's body, piece by piece as it arrives; last is
// true with the last piece, which may be empty. p is valid until fn returns. If
// the request has no body, Stream calls fn before it returns. If the body is cut
// off, malformed or too large, fn is never called with last: see
// [Response.OnAbort].
//
// Only one of Stream, Body and Pipe may be called, and only once. It may be called
// after the handler has returned: until then the body waits with the client.
func (r Request) Stream(fn func(p []byte, last bool)) error {
	s := r.s
	if !r.valid() {
		return errOver
	}
	if s.phase != receiving {
		if s.x != nil && s.x.received > 0 {
			return s.mistake(ErrBodyTaken)
		}
		fn(nil, true)
		return nil
	}
	if s.x.sink != nil {
		return s.mistake(ErrBodyTaken)
	}
	s.x.sink = fn
	s.sendContinue()
	s.conn.SetDeadline(s.bodyTime())
	s.feed()
	return nil
}

// Body collects the request's body and calls fn with all of it, at once if there
// is none. body is valid until fn returns. A body of more than max bytes is
// refused with 413, and fn is not called: use Stream for what is large.
func (r Request) Body(max int, fn func(body []byte)) error {
	s := r.s
	if !r.valid() {
		return errOver
	}
	if s.phase == receiving && s.x.sink == nil && s.x.body.Remaining() > int64(max) {
		s.refuse(413, "the body is larger than is taken here", ErrTooLarge)
		return nil
	}
	return r.Stream(func(p []byte, last bool) {
		x := s.x
		switch {
		case x == nil: // no body
			fn(nil)
		case int64(max) < x.received:
			s.refuse(413, "the body is larger than is taken here", ErrTooLarge)
		case last && x.buf == nil:
			fn(p)
		default:
			if x.buf == nil {
				x.buf = bodyPool.Get()
			}
			x.buf.B = append(roomFor(x.buf.B, len(p), x.body.Remaining()), p...)
			if !last {
				s.charge(cap(x.buf.B))
				return
			}
			b := x.buf
			x.buf = nil
			s.charge(0)
			fn(b.B)
			poison(b.B)
			putBody(b)
		}
	})
}

// Pipe sends the request's body to dst as it arrives, and closes dst at the end of
// the body. The trailer section goes to dst's method Trailer, if it has one as a
// client.Request does; if Pipe is called in the handler, without the fields that
// Connection lists (RFC 9110 7.6.1). While dst is full the body waits with the client,
// and if dst is full at first, so does 100 Continue. If the body is cut off, dst is not closed, but
// aborted if it has an Abort method. If dst fails, the exchange is aborted. dst has to
// be on the same loop. Piping to the answer itself makes an echo.
//
// If there is a body, the head of a client.Request is sent at once, and does not wait
// for the first bytes of the body.
func (r Request) Pipe(dst conn.Sink) error {
	if !r.valid() {
		return errOver
	}
	if s := r.s; s.phase != receiving && (s.x == nil || s.x.received == 0) {
		return dst.Close() // there is no body
	}
	done := false
	if w, ok := dst.(Response); ok && w == Response(r) {
		return r.stream(dst, &done)
	}
	_, failed := dst.Write(nil) // it sends the head of a message; dst may have ended already
	if m, ok := dst.(headed); ok && r.Length() < 0 {
		r.passTrailer(m)
	}
	if a, ok := dst.(interface{ Abort() error }); ok {
		Response(r).OnAbort(func(error) {
			if !done {
				a.Abort()
			}
		})
	}
	if failed == nil && dst.Full() {
		dst.OnDrain(func() { r.stream(dst, &done) })
		return nil
	}
	return r.stream(dst, &done) // if dst has ended, the first bytes of the body find that out
}

// A headed Sink is a message: it has a head and a trailer section, like a client.Request.
type headed interface {
	conn.Sink
	Trailer(name, value string) error
}

// passTrailer passes the trailer section on to m.
func (r Request) passTrailer(m headed) {
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

// stream is Pipe, once dst wants the body. It sets done at its end.
func (r Request) stream(dst conn.Sink, done *bool) error {
	w := Response(r)
	to, echo := dst.(Response)
	echo = echo && to == w
	return r.Stream(func(p []byte, last bool) {
		*done = last
		if len(p) > 0 {
			if _, err := dst.Write(p); err != nil {
				w.Abort() // there is nothing left to take the body
				return
			}
		}
		if last {
			dst.Close()
		} else if !echo && dst.Full() {
			w.Pause()
			dst.OnDrain(w.Resume)
		}
	})
}

// Trailer calls fn with each field of the trailer section that follows a chunked
// body, before the last call of the function given to Stream or Body. Call Trailer
// before these. The bytes that fn gets are valid until it returns.
func (r Request) Trailer(fn func(name, value []byte)) error {
	if !r.valid() {
		return errOver
	}
	if r.s.phase == receiving {
		if r.s.x.sink != nil {
			return r.s.mistake(ErrBodyTaken)
		}
		r.s.x.body.OnTrailer(fn)
	}
	return nil
}

// sendContinue sends 100 Continue to a client that waits for it before it sends
// the body (RFC 9110 10.1.1).
func (s *session) sendContinue() {
	if s.is(expecting) && !s.is(sent) {
		s.conn.WriteString("HTTP/1.1 100 Continue\r\n\r\n")
	}
	s.clear(expecting)
}

// readBody delivers the next piece of the body.
func (s *session) readBody(p []byte) (used int, more bool) {
	x := s.x
	data, n, err := x.body.Next(p, mostTrailer, false)
	if err == content.ErrMore {
		return 0, false
	}
	last := err == io.EOF
	s.behind(len(p) - n)
	if err != nil && !last {
		s.refuseError(err)
		return len(p), false
	}
	s.clear(expecting)
	x.received += int64(len(data))
	if most := s.worker.server.MaxBody; most >= 0 && x.received > most {
		s.refuse(413, "the body is larger than this server takes", ErrTooLarge)
		return len(p), false
	}
	if last {
		s.happens(bodyRead, nil)
		s.conn.SetDeadline(0)
	}
	if len(data) > 0 || last {
		x.sink(data, last)
	}
	return n, true
}

// A rest is the unread part of a body.
type rest struct {
	body content.Reader
	most int64 // bytes that may be discarded to keep the connection
}

func (s *session) unread() rest {
	r := rest{s.x.body.Rest(), discardMost}
	if s.is(promised) {
		r.most = most64(s.worker.server.MaxBody, math.MaxInt64) - s.x.received
	}
	return r
}

// skip begins to discard the rest of a body after the answer is complete, so that
// the connection can go on (RFC 9112 9.3).
func (s *session) skip(r rest) {
	x := s.extra()
	x.body, x.toSkip = r.body, r.most
	s.conn.SetDeadline(s.bodyTime())
	if s.feed(); s.is(halfClosed) && s.flags&(feeding|left) == 0 {
		s.happens(finCame, io.EOF)
	}
}

// canSkip reports whether the rest of the body is discarded so that the connection
// can be kept: if the rest is short, or the answer's head has promised to keep it.
// Not if the client waits for 100 Continue: it may send the body or the next
// request, and nothing distinguishes the two.
func (s *session) canSkip() bool {
	switch n := s.x.body.Remaining(); {
	case s.is(expecting):
		return false
	case n < 0:
		return s.is(promised) || s.restIsHere()
	default:
		return s.is(promised) || n <= discardMost
	}
}

// restIsHere reports whether all of a chunked body has come. Until then its length
// is unknown.
func (s *session) restIsHere() bool {
	var p []byte
	if w := s.worker; s.is(feeding) {
		p = w.input[len(w.input)-w.unread:]
	} else {
		p = s.conn.Held()
	}
	if s.x.body.InTrailer() {
		return endsSection(p)
	}
	for body := s.x.body.Body; ; {
		_, n, err := body.Next(p)
		p = p[n:]
		switch {
		case err == io.EOF:
			return true
		case err == parser.ErrTrailer:
			return endsSection(p)
		case err != nil, len(p) == 0:
			return false
		}
	}
}

// endsSection reports whether the end of a trailer section has come.
func endsSection(p []byte) bool {
	return bytes.HasPrefix(p, crlf) || bytes.Contains(p, crlfcrlf)
}

// skipBody discards the next piece of the body.
func (s *session) skipBody(p []byte) (used int, more bool) {
	x := s.x
	data, n, err := x.body.Next(p, mostTrailer, false)
	if err == content.ErrMore {
		return 0, false
	}
	s.behind(len(p) - n)
	x.received += int64(len(data))
	switch {
	case err == io.EOF:
		s.happens(bodyRead, nil)
	case err != nil || x.received > x.toSkip:
		s.happens(excess, nil)
	}
	return n, true
}
