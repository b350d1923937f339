// session: one HTTP connection, as a machine that is fed what arrives. It reads
// a head, hands the request to the program, delivers or skips the body, and
// goes on to the next head once the answer is complete.

package server

import (
	"bytes"

	"github.com/lurcher-net/lurcher/conn"
)

// A session is all that a connection holds beside its conn.Conn; what only
// some exchanges need is in x, what only reading a head needs in head.
type session struct {
	conn   *conn.Conn
	worker *worker
	head   *head       // while it is read, and while the handler runs
	x      *exchange   // nil until the exchange needs one
	timer  *conn.Timer // the exchange's first; ended with it
	gen    uint32      // of the exchange: a handle with another is stale
	flags  flags
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
)

type flags uint16

// Flags of the exchange.
const (
	persist   flags = 1 << iota // another request may follow this one
	headOnly                    // the method is HEAD
	old                         // HTTP/1.0
	expecting                   // the client waits for 100 Continue
	upgrade                     // the client offers another protocol
	sent                        // the answer's head is on its way
	chunked                     // its body is chunked
	bodiless                    // it has none: HEAD, 204, 304
	stopped                     // Response.Pause
	late                        // the deadline of the next head is set

	exchangeFlags = late<<1 - 1
)

// Flags of the connection.
const (
	halfClosed flags = (exchangeFlags + 1) << iota // the peer sent FIN
	feeding                                        // data is running
	left                                           // there is input that has not been consumed
	waiting                                        // reading is paused until that is wanted
	served                                         // there was a request on this connection
)

func (s *session) is(f flags) bool { return s.flags&f != 0 }
func (s *session) set(f flags)     { s.flags |= f }
func (s *session) clear(f flags)   { s.flags &^= f }

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
		Close:   func(c *conn.Conn, err error) { sessionOf(c).closed() },
		Hold:    most(s.MaxHead, 1<<30) + 2*holdMost,
		Stall:   s.WriteTimeout,
	}
}

func (srv *Server) open(c *conn.Conn) {
	w := srv.byLoop[c.Loop()]
	s := &session{conn: c, worker: w}
	c.State = s
	if n := srv.conns.Add(1); srv.MaxConns >= 0 && n > int64(srv.MaxConns) {
		w.counts.overload.Add(1)
		s.refuse(503, "too many connections")
		if n > int64(srv.MaxConns+srv.MaxConns/8) {
			c.Abort() // too many to be told so
		}
		return
	}
	c.SetDeadline(srv.HeadTimeout)
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
	s.flags = s.flags&^exchangeFlags | requestFlags(h)
	s.set(served)
	s.status = 0
	s.phase = answering
	s.worker.counts.requests.Add(1)
	if h.Expect && !bytes.EqualFold(h.Get(h.buf, "Expect"), []byte("100-continue")) {
		s.refuse(417, "the only expectation met here is 100-continue")
		return
	}
	if b := h.Body(); b.Remaining() != 0 {
		if most := s.worker.server.MaxBody; most >= 0 && h.Length > most {
			s.refuse(413, "the body is larger than this server takes")
			return
		}
		if h.Expect && !s.is(left) {
			s.set(expecting)
		}
		s.phase = receiving
		s.extra().body = b
	}
	if s.worker.draining {
		s.clear(persist)
	}
	s.worker.server.Handler(Response{s, s.gen}, Request{s, s.gen})
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
	if string(h.Method.Of(h.buf)) == "HEAD" {
		f |= headOnly
	}
	return f
}

// rest arranges what happens until there is more input, n bytes of which were
// left.
func (s *session) rest(n int) {
	srv := s.worker.server
	switch s.phase {
	case reading:
		switch {
		case s.is(halfClosed) && (n == 0 || s.head != nil):
			s.conn.Close() // there will be no more
		case n == 0:
			s.idle()
		case s.head != nil && !s.is(late):
			s.set(late)
			s.conn.SetDeadline(srv.HeadTimeout)
		}
	case receiving:
		if n > 0 && s.x.sink == nil {
			s.hold()
		}
	case answering:
		s.conn.SetDeadline(0)
		if n >= holdMost {
			s.hold()
		}
	}
}

// idle waits for the next request.
func (s *session) idle() {
	switch {
	case s.is(halfClosed) || s.worker.draining && s.is(served):
		s.conn.Close()
	case s.is(served):
		s.conn.SetDeadline(s.worker.server.IdleTimeout)
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

// over ends the exchange: its handles go stale, and what it held is given back.
func (s *session) over() {
	s.gen++
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if x := s.x; x != nil {
		for _, t := range x.timers {
			t.Stop()
		}
		s.x = nil
		s.worker.release(x)
	}
}

// next goes on after an answer that is complete.
func (s *session) next() {
	if s.phase == receiving {
		s.skipRest()
		return
	}
	s.over()
	if !s.is(persist) {
		s.last()
		return
	}
	s.phase = reading
	if s.is(feeding) {
		return
	}
	if s.is(left) {
		s.feed()
	} else {
		s.idle()
	}
}

// last closes the connection after an answer, in stages if the client may be
// sending more: else closing would reset the connection, and the answer could
// be lost.
func (s *session) last() {
	if s.is(left) && !s.is(halfClosed) {
		s.linger()
		return
	}
	s.phase = gone
	s.conn.Close()
}

// abandon ends an exchange that the program has not ended.
func (s *session) abandon() {
	if s.phase != receiving && s.phase != answering {
		return
	}
	var onAbort func()
	if s.x != nil {
		onAbort = s.x.onAbort
	}
	s.worker.counts.aborted.Add(1)
	s.over()
	if onAbort != nil {
		onAbort()
	}
}

// end is the peer's FIN.
func (s *session) end() {
	s.set(halfClosed)
	switch s.phase {
	case reading:
		if !s.is(left) || s.head != nil {
			s.conn.Close()
		}
	case receiving:
		s.refuse(400, "the body ended early")
	case answering:
		// Perhaps the client still reads, and what is written reaches it;
		// perhaps it is gone. The program is told, and decides.
		if s.x != nil && s.x.onAbort != nil {
			fn := s.x.onAbort
			s.x.onAbort = nil
			fn()
		}
	default:
		s.conn.Close()
	}
}

// timeout is called when the time for what the session waits for is over.
func (s *session) timeout() {
	switch s.phase {
	case reading:
		if s.head == nil && !s.is(left) {
			s.phase = gone
			s.conn.Close()
			return
		}
		s.refuse(408, "the head took too long")
	case receiving, draining:
		switch {
		case s.x.progressed():
			s.conn.SetDeadline(s.worker.server.BodyTimeout)
		case s.phase == receiving:
			s.refuse(408, "the body took too long")
		default:
			s.linger()
		}
	default:
		s.conn.Close()
	}
}

// drain is called when the server stops: exchanges under way may end.
func (s *session) drain() {
	switch {
	case s.phase != reading:
		s.clear(persist)
	case s.head == nil && !s.is(left) && s.is(served):
		s.conn.Close()
	case !s.is(served):
		// Accepted as the server stopped: its request may be on its way.
		s.conn.SetDeadline(lastGrace)
	}
}

// closed is the connection's end, whatever brought it.
func (s *session) closed() {
	s.abandon()
	s.phase = gone
	if s.head != nil {
		s.worker.giveHead(s.head)
		s.head = nil
	}
	if s.x != nil {
		s.over()
	}
	s.worker.server.conns.Add(-1)
}
