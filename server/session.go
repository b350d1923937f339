// session: one HTTP connection, as a machine that is fed what arrives. It reads
// a head, hands the request to the program, delivers or skips the body, and
// goes on to the next head once the answer is complete.

package server

import (
	"bytes"
	"math"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
)

// A session is all that a connection holds beside its conn.Conn; what only
// some exchanges need is in x, what only reading a head needs in head.
type session struct {
	conn   *conn.Conn
	worker *worker
	head   *head       // while it is read, and while the handler runs
	x      *exchange   // nil until the exchange needs one
	timer  *conn.Timer // the exchange's first; ended with it
	peer   *any        // what an adapter keeps of the connection, see adapt.go
	flags  flags
	gen    uint32 // of the exchange: a handle with another is stale
	status uint16 // of the answer; 0: 200
	phase  phase
}

// phase is what the next byte of input is for.
type phase uint8

const (
	reading   phase = iota // a head
	receiving              // the body of the exchange under way
	answering              // the next request: it waits until the answer is complete
	draining               // the rest of a body that nobody wants
	lingering              // nothing: the answer was the last, see linger
	gone                   // somebody else: hijacked, or closed

	numPhases
)

type flags uint32

// Flags of the exchange.
const (
	persist   flags = 1 << iota // another request may follow this one
	headOnly                    // the method is HEAD
	old                         // HTTP/1.0
	expecting                   // the client waits for 100 Continue
	upgrade                     // the client offers another protocol
	connect                     // the method is CONNECT
	sent                        // the answer's head is on its way
	chunked                     // its body is chunked
	bodiless                    // it has none: HEAD, 204, 304
	stopped                     // Response.Pause
	late                        // a part of a head has come, and its deadline is set

	exchangeFlags = late<<1 - 1
)

// Flags of the connection.
const (
	halfClosed flags = (exchangeFlags + 1) << iota // the peer sent FIN
	feeding                                        // data is running
	left                                           // there is input that has not been consumed
	waiting                                        // reading is paused until that is wanted
	served                                         // there was a request on this connection
	refused                                        // it is one more than MaxConns
	eager                                          // the client has sent more than heads one at a time
	endless                                        // nothing but its end ends the answer that has begun
)

func (s *session) is(f flags) bool { return s.flags&f != 0 }
func (s *session) set(f flags)     { s.flags |= f }
func (s *session) clear(f flags)   { s.flags &^= f }

// enter goes on to another phase. The worker counts who is in which.
func (s *session) enter(p phase) {
	n := &s.worker.counts.phases
	n[s.phase]--
	n[p]++
	s.phase = p
}

// holdMost is how much of the next requests is read while one is answered: so
// much that it is noticed when the client leaves, so little that it can be held.
const holdMost = 16 << 10

func sessionOf(c *conn.Conn) *session { return c.State.(*session) }

// protocol is HTTP, as the loops see it.
func protocol(s *Server) conn.Handler {
	return conn.Handler{
		Open:    s.open,
		Data:    func(c *conn.Conn, p []byte) int { return sessionOf(c).data(p) },
		End:     func(c *conn.Conn) { sessionOf(c).end() },
		Timeout: func(c *conn.Conn) { sessionOf(c).timeout() },
		Close: func(c *conn.Conn, err error) {
			if c.State != nil { // else Open never came: the poller did not take it
				sessionOf(c).closed(err)
			}
		},
		Max:   most(s.MaxBacklog, math.MaxInt),
		Hold:  most(s.MaxHead, 1<<30) + 2*holdMost,
		Stall: s.WriteTimeout,
	}
}

// data consumes input, as far as it is wanted now.
func (s *session) data(p []byte) (n int) {
	s.set(feeding)
	for more := true; more && n < len(p); {
		var used int
		used, more = s.advance(p[n:])
		n += used
	}
	s.clear(feeding)
	s.behind(p[n:])
	s.rest(len(p) - n)
	return n
}

// advance consumes what it can of p, and answers whether to go on.
func (s *session) advance(p []byte) (used int, more bool) {
	switch s.phase {
	case reading:
		if s.conn.Full() {
			return 0, false // the client does not read its answers: no more of them
		}
		return s.readHead(p)
	case receiving:
		if s.x.sink == nil || s.is(stopped) || s.conn.Full() {
			return 0, false
		}
		return s.readBody(p)
	case draining:
		return s.skipBody(p)
	case lingering:
		return s.discard(p)
	}
	return 0, false
}

// readHead parses, and when the head is whole lets the program have it.
func (s *session) readHead(p []byte) (used int, more bool) {
	if s.head == nil {
		s.head = s.worker.takeHead()
	}
	h := s.head
	n, err := h.Parse(p)
	s.behind(p[n:])
	if err != nil {
		s.refuseError(err)
		return len(p), false
	}
	if n == 0 {
		return 0, false
	}
	h.buf = p[:n]
	s.begin(h)
	if s.head == h {
		if s.x != nil {
			s.x.visit.keepLine(h)
		}
		s.worker.giveHead(h)
		s.head = nil
	}
	return n, true
}

// behind notes whether there is input behind what is now being dealt with.
func (s *session) behind(p []byte) {
	s.clear(left)
	if len(p) > 0 {
		s.set(left)
	}
}

// begin starts the exchange of a request.
func (s *session) begin(h *head) {
	s.notPartial()
	s.flags = s.flags&^exchangeFlags | requestFlags(h)
	s.set(served)
	s.status = 0
	srv := s.worker.server
	s.worker.counts.requests++
	if srv.Access != nil {
		s.note()
	}
	if h.Expect && !bytes.EqualFold(h.Get(h.buf, "Expect"), []byte("100-continue")) {
		s.refuse(417, "the only expectation met here is 100-continue")
		return
	}
	if srv.MaxBody >= 0 && h.Length > srv.MaxBody {
		s.refuse(413, "the body is larger than this server takes")
		return
	}
	if s.worker.draining {
		s.clear(persist)
	}
	s.enter(answering)
	if s.is(left) {
		s.set(eager)
	}
	if h.Framing != parser.NoBody {
		if h.Expect && !s.is(left) {
			s.set(expecting)
		}
		s.enter(receiving)
		s.set(eager)
		s.extra().body = h.Body()
		s.conn.SetDeadline(0) // the body is not late before it is asked for
	}
	srv.Handler(Response{s, s.gen}, Request{s, s.gen})
}

// notPartial notes that no part of a head waits for the rest any more.
func (s *session) notPartial() {
	if s.is(late) {
		s.clear(late)
		s.worker.counts.partial--
	}
}

func requestFlags(h *head) (f flags) {
	if h.KeepAlive {
		f = persist
	}
	if h.Upgrade {
		f |= upgrade
	}
	if h.Minor == 0 {
		f |= old
	}
	switch string(h.Method.Of(h.buf)) {
	case "HEAD":
		f |= headOnly
	case "CONNECT":
		f |= connect
	}
	return f
}

// rest arranges what happens until there is more input, n bytes of which were
// left. After the client's FIN what was left is all that there will be.
func (s *session) rest(n int) {
	ended := s.is(halfClosed)
	switch s.phase {
	case reading:
		switch {
		case ended && (n == 0 || s.head != nil):
			s.conn.Close()
		case n == 0:
			s.idle()
		case s.head == nil: // the output is full, see advance
			s.conn.SetDeadline(0)
		case !s.is(late):
			s.set(late)
			s.worker.counts.partial++
			s.conn.SetDeadline(s.worker.server.HeadTimeout)
		}
	case receiving:
		switch {
		case n > 0 && (s.x.sink == nil || s.is(stopped)):
			s.hold()
		case ended && (n == 0 || s.x.section != nil):
			s.refuse(400, "the body ended early")
		}
	case answering:
		s.conn.SetDeadline(0)
		if n >= holdMost {
			s.hold()
		}
		if ended {
			s.clientLeft()
		}
	case draining:
		if n == 0 && ended {
			s.conn.Close()
		}
	}
}

// idle waits for the next request.
func (s *session) idle() {
	switch {
	case s.is(halfClosed):
		s.conn.Close()
	case !s.is(served): // the deadline is that of its first head
	default:
		s.conn.SetDeadline(s.within(s.worker.server.IdleTimeout))
	}
}

// hold stops reading until release.
func (s *session) hold() {
	s.set(waiting)
	s.conn.Pause()
}

// feed asks for data to be called again, with what was left.
func (s *session) feed() {
	if !s.is(feeding) && s.is(left|waiting) {
		s.clear(waiting)
		s.conn.Resume()
	}
}

// next goes on after an answer that is complete.
func (s *session) next() {
	switch {
	case s.phase == receiving:
		s.skipRest()
	case s.is(persist):
		s.over()
		s.await()
	default:
		s.over()
		s.last()
	}
}

// await waits for the next request, or goes on with it if it is here.
func (s *session) await() {
	s.enter(reading)
	switch {
	case s.is(feeding): // data goes on
	case s.is(left):
		s.feed()
	default:
		s.idle()
	}
}
