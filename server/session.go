// session: one HTTP connection, as a state machine that consumes input. It reads a
// head, hands the request to the program, delivers or discards the body, and goes
// on to the next head once the answer is complete.

package server

import (
	"bytes"
	"cmp"
	"io"
	"math"
	"net"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
)

// A session is the state of an HTTP connection. What only some exchanges need is in
// x, and what only reading a head needs is in head, so that an idle connection holds
// no more than this and its conn.Conn.
type session struct {
	conn    *conn.Conn
	worker  *worker
	head    *head       // set while a head is being read, and while the handler runs
	x       *exchange   // nil until the exchange needs one
	timer   *conn.Timer // the exchange's first timer, which is stopped at its end
	lasting *lasting    // what all requests of the connection share, if some need it
	flags   flags
	gen     uint32 // generation of the exchange: a handle with another one is stale
	status  uint16 // status of the answer; 0 means 200
	phase   phase
}

type flags uint32

// Flags of the exchange.
const (
	persist    flags = 1 << iota // another request may follow this one
	headOnly                     // the method is HEAD
	old                          // HTTP/1.0
	expecting                    // the client waits for 100 Continue
	upgrade                      // the client offers another protocol
	connect                      // the method is CONNECT
	sent                         // the answer's head has been written
	chunked                      // the answer's body is chunked
	bodiless                     // the answer has no body: HEAD, 204, 304
	stopped                      // the program has called Response.Pause
	whole                        // the program has ended the answer: what is being written is its last part
	promised                     // the answer's head says that the connection goes on, so the body has to be read
	wantsClose                   // the program has set Connection: close

	exchangeFlags = wantsClose<<1 - 1
)

// Flags of the connection.
const (
	halfClosed flags = (exchangeFlags + 1) << iota // the client has sent its FIN
	feeding                                        // data is running
	left                                           // there is input that has not been consumed
	waiting                                        // reading is paused until the input is wanted
	served                                         // there was a request on this connection
	surplus                                        // the connection is over MaxConns
	eager                                          // the client has pipelined, or sent a body
	farewell                                       // the client has said that this request is its last
	untilEnd                                       // only the end of the connection ends the answer that has begun
	ended                                          // the program has ended the last exchange
	bulky                                          // the last answer was large: see awaitHead
	blank                                          // an empty line has come since the last request
	lastCall                                       // the time for one more request runs, whatever else comes
)

func (s *session) is(f flags) bool { return s.flags&f != 0 }
func (s *session) set(f flags)     { s.flags |= f }
func (s *session) clear(f flags)   { s.flags &^= f }

// mostHeads is how many requests of one connection are dealt with before others
// have their turn, however cheap they are: a batch costs one write for each turn.
// For dear ones Loop.Late is the bound.
const mostHeads = 1024

// holdMost bytes of the next requests are read before an answer is complete: enough
// to notice when the client leaves, and little enough to hold.
const holdMost = 16 << 10

func sessionOf(c *conn.Conn) *session { return c.State.(*session) }

// protocol returns HTTP as a protocol of package conn.
func protocol(s *Server) conn.Handler {
	return conn.Handler{
		Open:    s.open,
		Data:    func(c *conn.Conn, p []byte) int { return sessionOf(c).data(p) },
		End:     func(c *conn.Conn) { sessionOf(c).end() },
		Timeout: func(c *conn.Conn) { sessionOf(c).timeout() },
		Close: func(c *conn.Conn, err error) {
			if c.State == nil { // Open was never called
				s.byLoop[c.Loop()].neverOpened(c, err)
				return
			}
			s := sessionOf(c)
			s.worker.counts.closed(err)
			s.happens(closed, cmp.Or(err, net.ErrClosed))
		},
		Max:   most(s.MaxBacklog, math.MaxInt),
		Hold:  most(s.MaxHead, 1<<30) + 2*holdMost,
		Stall: s.WriteTimeout,
	}
}

// mostRefused connections over MaxConns get a 503 at a time. Others are aborted.
const mostRefused = 64

// open begins a session: it is the first call for a connection.
func (srv *Server) open(c *conn.Conn) {
	w := srv.byLoop[c.Loop()]
	if srv.openOther(c, w) {
		return
	}
	s := &session{conn: c, worker: w}
	c.State = s
	w.counts.phases[idle]++
	switch n := srv.conns.Add(1); {
	case srv.MaxConns >= 0 && n > int64(srv.MaxConns):
		// It does not count for MaxConns. If it did, clients that reconnect
		// again and again would keep others out.
		srv.conns.Add(-1)
		s.set(surplus)
		if srv.refused.Add(1) > mostRefused {
			w.counts.limits.MaxConns++ // without a 503, which would count it
			s.happens(aborted, nil)
			return
		}
		s.refuse(503, "too many connections", errTooMany)
	default:
		c.SetDeadline(s.within(srv.HeadTimeout))
	}
}

// data consumes input as far as it is wanted now, and one portion at most.
func (s *session) data(p []byte) (n int) {
	s.set(feeding)
	s.worker.input = p
	heads := 0
	for more := true; more && n < len(p); {
		if s.phase == idle {
			heads++
		}
		if heads > mostHeads || n > 0 && s.worker.loop.Late() {
			s.postpone()
			break
		}
		var used int
		if s.phase == idle || s.phase == reading {
			used, more = s.readHead(p[n:])
		} else {
			used, more = s.advance(p[n:])
		}
		n += used
	}
	s.clear(feeding)
	s.behind(len(p) - n)
	s.worker.input = nil
	s.rest(len(p) - n)
	return n
}

// advance consumes what it can of p, which does not begin a head, and returns whether
// to go on.
func (s *session) advance(p []byte) (used int, more bool) {
	switch s.phase {
	case receiving:
		if s.x.sink == nil || s.is(stopped) || s.conn.Full() {
			return 0, false
		}
		return s.readBody(p)
	case discarding:
		return s.skipBody(p)
	case lingering:
		return s.discard(p)
	}
	return 0, false
}

// readHead parses, and calls the handler when the head is complete.
func (s *session) readHead(p []byte) (used int, more bool) {
	if s.conn.Full() {
		return 0, false // the client does not read its answers: serve no more requests
	}
	h := s.worker.takeHead()
	if s.head != nil {
		h.unpark(s.head)
	}
	s.head = h
	n, err := h.Parse(p)
	if n == 0 {
		return s.noHead(p, err)
	}
	h.buf = p[:n]
	s.begin(h, len(p)-n)
	if s.head == h {
		if s.phase == answering || s.phase == receiving {
			s.keepLine(h)
		}
		s.head = nil
		s.worker.giveHead(h)
	}
	return n, true
}

// noHead is the part of readHead for a head that is not whole, or not valid.
func (s *session) noHead(p []byte, err error) (used int, more bool) {
	s.behind(len(p))
	if err != nil {
		s.refuseError(err)
		return len(p), false
	}
	return s.skipEmptyLines(p), false
}

// skipEmptyLines returns how many bytes of p are empty lines if p holds nothing else,
// or else 0. Empty lines do not begin a head (RFC 9112 2.2), so the connection stays
// idle: see awaitHead for how long.
func (s *session) skipEmptyLines(p []byte) int {
	n := 0
	for bytes.HasPrefix(p[n:], crlf) {
		n += len(crlf)
	}
	if n < len(p) && string(p[n:]) != "\r" {
		return 0
	}
	s.giveHead()
	s.set(blank)
	return n
}

// giveHead gives the head back to the worker.
func (s *session) giveHead() {
	if s.head != nil {
		s.worker.giveHead(s.head)
		s.head = nil
	}
}

// behind notes that n bytes of input come after what is being consumed.
func (s *session) behind(n int) {
	s.worker.unread = n
	s.clear(left)
	if n > 0 {
		s.set(left)
	}
}

// begin starts the exchange of a request, after which n bytes of input come.
func (s *session) begin(h *head, n int) {
	w := s.worker
	f := s.flags&^(exchangeFlags|blank|lastCall|left) | requestFlags(h) | served
	if w.quiescing {
		f &^= persist
	}
	if n > 0 {
		f |= left | eager
	}
	s.flags, s.status = f, 0
	srv := w.server
	w.unread = n
	w.counts.requests++
	if srv.Access != nil {
		s.note()
	}
	if h.Framing == parser.NoBody && !h.Expect {
		s.serve(false)
	} else if !s.beginBody(h) {
		return
	}
	if h.Path.Len == 1 && h.buf[h.Path.Off] == '*' {
		s.serveAsterisk()
		return
	}
	srv.Handler(Response{s, s.gen}, Request{s, s.gen})
}

func requestFlags(h *head) (f flags) {
	f = farewell
	if h.KeepAlive {
		f = persist
	}
	if h.Upgrade {
		f |= upgrade
	}
	if h.Minor == 0 {
		f |= old
	}
	// Few other methods are as long: most need not be looked at.
	if n := int(h.Method.Len); n == len("HEAD") || n == len("CONNECT") {
		switch string(h.Method.Of(h.buf)) {
		case "HEAD":
			f |= headOnly
		case "CONNECT":
			f |= connect
		}
	}
	return f
}

// serveAsterisk serves "OPTIONS *", which asks whether the server is there (RFC 9110
// 9.3.7). A body has no meaning, and is read so that the connection can go on.
func (s *session) serveAsterisk() {
	w := Response{s, s.gen}
	if s.phase != receiving {
		w.End("")
		return
	}
	Request{s, s.gen}.Stream(func(_ []byte, last bool) {
		if last {
			w.End("")
		}
	})
}

// rest sets what the session waits for, when data has left n bytes unconsumed. After
// the client's FIN no more input will come.
func (s *session) rest(n int) {
	ended := s.is(halfClosed)
	switch s.phase {
	case idle:
		switch {
		case s.head == nil && n > 0 && (s.is(waiting) || s.conn.Full()):
			s.conn.SetDeadline(0) // the session does not wait for the client: see readHead
		case ended:
			s.happens(finCame, io.EOF) // what is left is part of a head, or half an empty line
		case s.head != nil:
			s.park()
			s.happens(headBegins, nil)
		default:
			s.awaitHead()
		}
	case reading:
		if ended {
			s.happens(finCame, io.EOF)
			return
		}
		s.awaitMore()
		s.park()
	case receiving:
		switch {
		case n > 0 && (s.x.sink == nil || s.is(stopped)):
			s.hold()
		case ended && !s.is(waiting) && (n == 0 || s.x.body.InTrailer()):
			s.happens(finCame, io.ErrUnexpectedEOF)
		}
	case answering:
		s.conn.SetDeadline(0)
		if n >= holdMost {
			s.hold()
		}
		if ended {
			s.happens(finCame, io.EOF)
		}
	case discarding:
		if ended && !s.is(waiting) {
			s.happens(finCame, io.EOF) // what is left is part of a trailer section
		}
	case lingering:
		if ended {
			s.happens(finCame, io.EOF)
		}
	}
}

// await goes on after an exchange that is over: with the next request if it has
// come, or with the client's FIN.
func (s *session) await() {
	switch {
	case s.is(feeding): // data is running, and goes on itself
	case s.is(left):
		s.feed()
	case s.is(halfClosed):
		s.happens(finCame, io.EOF)
	default:
		s.awaitHead()
	}
}

// end handles the client's FIN. Input that came before it is consumed first.
func (s *session) end() {
	s.set(halfClosed)
	if s.is(left) {
		s.rest(1)
	} else {
		s.rest(0)
	}
}

// hold stops reading until feed.
func (s *session) hold() {
	s.set(waiting)
	s.conn.Pause()
}

// feed makes the loop call data again, with the input that was left.
func (s *session) feed() {
	if !s.is(feeding) && s.is(left|waiting) {
		s.clear(waiting)
		s.conn.Resume()
	}
}

// postpone makes the loop call data in the next turn, with the input that was left.
// Until then nothing is read: what comes faster than it is consumed waits with the
// client.
func (s *session) postpone() {
	w := s.worker
	s.hold()
	w.postponed = append(w.postponed, s)
	if len(w.postponed) == 1 {
		w.postponedAt = w.turns
		w.loop.Post(w.goOn)
	}
}
