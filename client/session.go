// session: one connection, as a state machine that consumes input. It reads the head
// of an answer, calls the program, delivers the body, and goes back to its origin.

package client

import (
	"bytes"
	"io"
	"strconv"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/content"
	"github.com/lurcher-net/lurcher/parser"
)

// A session is the state of a connection to a server.
type session struct {
	conn     *conn.Conn // nil while Client.Connect has not brought it
	o        *origin
	x        *exchange      // the exchange whose answer is due
	line     list[exchange] // those whose answers come after that
	in       link[session]  // in one of the origin's lists
	aged     link[session]  // in the pool's list of idle ones
	at, seen uint64         // bytes of input that were consumed, and received
	born     int64          // time of its creation, in nanoseconds
	since    int64          // when it became idle; 0: it never was, between the last two requests
	hint     time.Duration  // how long the server says it may be idle; 0: unknown
	state    connState
	used     bool // it has had a request, or was idle: the server may close it as another comes
	pipes    bool // the server keeps it open, and reads more than one request
	roomy    bool // it is in the origin's list of those
	waiting  bool // reading is paused until somebody wants the body
	feeding  bool // data is running
}

// connState says to whom a connection belongs.
type connState uint8

const (
	dialling connState = iota // the origin's, and not open yet
	idle                      // the origin's
	busy                      // an exchange's
	gone                      // somebody else's: hijacked, or about to be closed
)

// unlist takes s from its origin.
func (s *session) unlist() {
	switch s.state {
	case dialling:
		s.o.dialling.remove(&s.in)
	case idle:
		s.o.idle.remove(&s.in)
		s.o.pool.idle.remove(&s.aged)
		s.o.pool.counted(-1)
	case busy:
		s.withdraw()
	}
	s.state = busy
}

// opened is the first call for a connection.
func (s *session) opened() {
	s.unlist()
	s.born = s.o.pool.now()
	s.o.serve(s)
}

// usable reports whether a connection may be used again. It asks the kernel, because a FIN,
// or bytes that nobody asked for, may have come in this turn.
func (s *session) usable() bool {
	p := s.o.pool
	if age := p.limits.age; age > 0 && p.now()-s.born > int64(age) {
		return false
	}
	return s.conn.Quiet()
}

// take gives the connection to x.
func (s *session) take(x *exchange) {
	s.state, s.x, x.s = busy, x, s
	if s.used {
		x.set(reused)
		s.o.pool.counts.reused.Add(1)
	} else {
		x.clear(reused)
	}
	s.used = true
	x.from = 0
	if !x.tellConn(s) {
		return // it was aborted
	}
	s.since = 0
	x.begin()
	s.offer()
}

// free takes the connection back from an exchange that has its answer.
func (s *session) free(x *exchange, unread bool) {
	st, freed := x.situation(), x.freed
	st.unread, st.unwritten = unread, s.unwritten()
	s.x, x.s = nil, nil
	if s.waiting || x.is(paused) {
		s.waiting = false
		s.conn.Resume()
	}
	s.withdraw()
	switch {
	case s.line.n > 0 && st.persist && !st.untilEnd:
		s.turn()
	case s.line.n == 0 && reusable(st):
		s.o.serve(s)
	default:
		s.drop()
		s.desert()
	}
	if freed != nil && s.state != gone {
		freed()
	}
}

// unwritten reports whether some of a request waits to be sent: bytes, or a file, which makes
// the connection full.
func (s *session) unwritten() bool { return s.conn.Pending() > 0 || s.conn.Full() }

// drop closes a connection that no exchange uses.
func (s *session) drop() {
	if s.conn != nil && s.unwritten() {
		s.abort() // nobody is going to read the rest of a request
		return
	}
	s.unlist()
	s.state = gone
	if s.conn == nil {
		s.o.open--
	} else {
		s.conn.Close()
	}
}

// abort is drop at once.
func (s *session) abort() {
	s.unlist()
	s.state = gone
	s.conn.Abort()
}

// data consumes input, as far as it is wanted now, and one portion at most.
func (s *session) data(p []byte) (n int) {
	s.feeding = true
	s.seen = s.at + uint64(len(p))
	for more := true; more && n < len(p); {
		if n > 0 && s.o.pool.loop.Late() {
			s.conn.Resume() // the loop calls again, when the others have had their turn
			break
		}
		var used int
		used, more = s.advance(p[n:])
		n += used
		s.at += uint64(used)
	}
	s.feeding = false
	return n
}

// advance consumes what it can of p, and returns whether to go on.
func (s *session) advance(p []byte) (used int, more bool) {
	x := s.x
	switch {
	case s.state == gone:
		return len(p), false
	case x == nil: // nobody asked for this: it must not be taken for the answer to the next request
		s.o.pool.counts.unsolicited.Add(1)
		s.abort()
		return len(p), false
	case x.read == heading:
		return s.readHead(x, p)
	case x.read == bodying && x.sink != nil && !x.is(paused):
		return s.readBody(x, p)
	}
	s.hold()
	return 0, false
}

// hold stops reading until feed. Even the server's FIN can wait until the program wants the
// body.
func (s *session) hold() {
	s.waiting = true
	s.conn.Pause()
}

// feed makes the loop call data again, with the input that was left.
func (s *session) feed() {
	if s.waiting && !s.feeding {
		s.waiting = false
		s.conn.Resume()
	}
}

// readHead parses, and calls the program when the head is complete.
func (s *session) readHead(x *exchange, p []byte) (used int, more bool) {
	pool := s.o.pool
	h := x.head
	if h == nil {
		if s.unsolicited(x) {
			s.poisoned(x)
			return len(p), false
		}
		h = pool.takeHead()
		x.head = h
		if x.method == "HEAD" || x.method == "CONNECT" {
			h.Method = x.method
		}
	}
	x.set(began)
	n, err := pool.parse(h, p)
	switch {
	case err != nil:
		x.fail(&Error{Phase: Head, Err: err})
		return len(p), false
	case n == 0:
		return 0, false
	}
	h.buf = p[:n]
	if h.Status < 200 && h.Status != 101 {
		return n, s.interim(x, h)
	}
	return n, s.answered(x, h, n < len(p))
}

// interim handles an interim answer (RFC 9110 15.2).
func (s *session) interim(x *exchange, h *head) (more bool) {
	if x.interims++; int(x.interims) > s.o.pool.limits.maxInterim {
		x.fail(&Error{Phase: Head, Err: ErrInterim})
		return false
	}
	if h.Status == 100 {
		x.goOn()
	}
	gen := x.gen
	x.arm()
	if x.informed != nil {
		if x.informed(Response{x: x, gen: gen, status: uint16(h.Status)}); x.gen != gen {
			return false
		}
	}
	x.head = nil
	s.o.pool.giveHead(h)
	return true
}

// answered handles the head of the final answer.
func (s *session) answered(x *exchange, h *head, more bool) bool {
	pool := s.o.pool
	x.status = uint16(h.Status)
	switching := h.Status == 101 || x.method == "CONNECT" && h.Status/100 == 2
	if h.Status == 101 && (!x.is(upgrades) || x.send != complete) {
		x.status = 0
		x.fail(&Error{Phase: Head, Err: ErrUpgraded})
		return false
	}
	pool.counts.status(h.Status)
	if !h.KeepAlive {
		x.set(closes)
	}
	s.hint = keepAlive(h.Get(h.buf, "keep-alive"))
	if s.hint < 0 {
		x.set(closes)
	}
	switch {
	case x.send == complete:
	case x.send == holding || !x.is(duplex):
		x.set(closes)
		x.stop()
		s.mayStall()
	}
	s.persists(x, h)
	gen, asked := x.gen, x.asked
	r := Response{x: x, gen: gen, status: x.status}
	switch {
	case switching:
		x.read = tunnel
	case h.Framing == parser.NoBody:
		r.empty = true
		s.whole(x, r, more)
		return true
	default:
		x.body, x.read = content.Of(h.Body()), bodying
		if l := pool.limits.maxBody; h.Length > l {
			x.status = 0
			x.fail(&Error{Phase: Body, Err: ErrBodyLarge})
			return false
		}
	}
	x.arm()
	asked(r, nil)
	if x.gen != gen {
		return false // it was aborted, or hijacked
	}
	pool.giveHead(h)
	x.head = nil
	if !s.pipes && s.line.n > 0 {
		if s.desert(); x.gen != gen {
			return false
		}
	}
	if x.sink == nil || x.is(paused) {
		s.hold()
		return false
	}
	return true
}

// mayStall lets the server leave the rest of a request that it has answered already: it may take its time
// with the answer, whose limits are HeadTimeout and BodyTimeout.
func (s *session) mayStall() {
	h := *s.conn.Handler()
	h.Stall = -1
	s.conn.SetHandler(&h)
}

// whole handles an answer that is its head alone: the connection is free, and the
// exchange over when the program has seen the head.
func (s *session) whole(x *exchange, r Response, more bool) {
	asked := x.asked
	x.read = over
	x.stopTimer()
	defer x.done(x.gen) // also if the program panics
	defer asked(r, nil) // also if OnConn of the next exchange does
	s.free(x, more)
}

// done ends an exchange whose connection is free already.
func (x *exchange) done(gen uint32) {
	if x.gen == gen {
		x.finished()
	}
}

// keepAlive returns how long an idle connection may be used, by the Keep-Alive field: a
// second less than the server says. 0 means that the server does not say; a negative time
// means not at all.
func keepAlive(v []byte) time.Duration {
	for len(v) > 0 {
		var e []byte
		e, v, _ = bytes.Cut(v, []byte(","))
		name, value, _ := bytes.Cut(e, []byte("="))
		if bytes.EqualFold(bytes.TrimSpace(name), []byte("timeout")) {
			n, err := strconv.ParseUint(string(bytes.Trim(value, " \t\"")), 10, 31)
			if err == nil && n <= 1 {
				return -1
			}
			if err == nil {
				return time.Duration(n-1) * time.Second
			}
		}
	}
	return 0
}

// end handles the server's FIN.
func (s *session) end() {
	x := s.x
	if x == nil || s.state == gone {
		s.drop()
		return
	}
	unsent := s.unsentOf(x)
	s.x = nil
	s.drop()
	tell := func() {}
	defer func() { tell() }()
	defer s.desert()
	tell = x.lost(cut(x, io.EOF), unsent, true)
}

// timeout is called when the time for what the session waits for is over.
func (s *session) timeout() {
	switch {
	case s.x != nil:
		s.x.timeout()
	default:
		s.drop()
	}
}

// closedBy handles the end of the connection, whatever the reason. Each of the deferred calls is made
// even if the program panics in one before it, in OnConn or Connect.
func (s *session) closedBy(err error) {
	was, o := s.state, s.o
	s.unlist()
	s.state = gone
	o.open--
	tell := func() {}
	defer func() { tell() }()
	defer o.pump()
	defer s.desert()
	switch x := s.x; {
	case was == dialling:
		o.pool.counts.dialErrors.Add(1)
		tell = o.letDown(err)
	case x != nil:
		s.x = nil
		tell = x.lost(cut(x, err), s.unsentOf(x), false)
	}
}
