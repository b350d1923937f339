// How exchanges end, and connections: by the program, by the client, by time,
// and when the server stops.

package server

import (
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// mostRefused is how many connections beyond MaxConns are told so at a time.
const mostRefused = 64

// open is the first call for a connection.
func (srv *Server) open(c *conn.Conn) {
	w := srv.byLoop[c.Loop()]
	s := &session{conn: c, worker: w}
	c.State = s
	w.counts.phases[reading]++
	switch n := srv.conns.Add(1); {
	case srv.MaxConns >= 0 && n > int64(srv.MaxConns):
		// It does not count among those that are served, lest clients who
		// come again and again keep others out.
		srv.conns.Add(-1)
		s.set(refused)
		if srv.refused.Add(1) > mostRefused {
			w.counts.limits.MaxConns++ // and no answer
			s.enter(gone)
			c.Abort()
			return
		}
		s.refuse(503, "too many connections")
	default:
		c.SetDeadline(s.within(srv.HeadTimeout))
	}
}

// over ends the exchange: its handles go stale, and what it held is given back.
func (s *session) over() {
	if s.x != nil || s.timer != nil || s.is(stopped|late) {
		s.giveBack()
	}
	s.gen++
	s.clear(exchangeFlags)
}

func (s *session) giveBack() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if s.is(stopped) {
		s.clear(waiting)
		s.conn.Resume()
	}
	s.notPartial()
	x := s.x
	if x == nil {
		return
	}
	if x.visit.open {
		s.report()
	}
	for _, m := range x.hubs {
		m.leave()
	}
	for _, t := range x.timers {
		t.Stop()
	}
	s.x = nil
	s.worker.release(x)
}

// abandon ends the exchange under way, if there is one, which the program has
// not ended. The program is to be told, by the function that is answered, once
// the session is in order again.
func (s *session) abandon() (tell func()) {
	tell = func() {}
	if s.phase == receiving || s.phase == answering {
		s.worker.counts.aborted++
		if s.x != nil {
			s.x.visit.aborted = true
			if s.x.onAbort != nil {
				tell = s.x.onAbort
			}
		}
	}
	s.over()
	return tell
}

// last closes the connection after an answer, in stages if the client may be
// sending more, as one may that had more to send before: else closing would reset
// the connection, and the answer could be lost (RFC 9112 9.6).
func (s *session) last() {
	if s.is(left|eager) && !s.is(halfClosed) {
		s.linger()
		return
	}
	s.enter(gone)
	s.conn.Close()
}

// end is the client's FIN. What it sent before is dealt with first.
func (s *session) end() {
	s.set(halfClosed)
	switch {
	case s.phase == lingering || s.phase == gone:
		s.conn.Close()
	case s.is(left):
		s.rest(1)
	default:
		s.rest(0)
	}
}

// clientLeft tells the program that the client has sent its FIN while it waits
// for the answer. Perhaps it still reads, and what is written reaches it; perhaps
// it is gone: the program decides.
func (s *session) clientLeft() {
	if x := s.x; x != nil && x.onAbort != nil {
		fn := x.onAbort
		x.onAbort = nil
		fn()
	}
}

// timeout is called when the time for what the session waits for is over.
func (s *session) timeout() {
	srv := s.worker.server
	switch s.phase {
	case reading:
		switch {
		case s.conn.Full():
			s.conn.SetDeadline(srv.IdleTimeout) // it is still reading its answers
		case s.head == nil:
			if l := &s.worker.counts.limits; s.is(served) {
				l.IdleTimeout++
			} else {
				l.HeadTimeout++ // that of the first counts from the connection's beginning
			}
			s.enter(gone)
			s.conn.Close()
		default:
			s.refuse(408, "the head took too long")
		}
	case receiving:
		switch {
		case s.x.progressed(), s.x.sink == nil, s.is(stopped), s.conn.Full():
			s.conn.SetDeadline(srv.BodyTimeout) // it came, or was not wanted
		default:
			s.refuse(408, "the body took too long")
		}
	case draining:
		if s.x.progressed() {
			s.conn.SetDeadline(srv.BodyTimeout)
		} else {
			s.linger()
		}
	default:
		s.enter(gone)
		s.conn.Close()
	}
}

// drain is called when the server stops: exchanges under way may end, and a
// request that is on its way may come. Closing an idle connection at once would
// lose that, and its client could not tell whether it was served (RFC 9112 9.5).
func (s *session) drain() {
	switch {
	case s.phase != reading:
		if !s.is(sent) { // else the client does not know, and may send one more request
			s.clear(persist)
		}
	case s.head != nil || s.is(left): // it has its deadline
	case s.is(served):
		s.conn.SetDeadline(s.within(s.worker.server.IdleTimeout))
	default:
		s.conn.SetDeadline(s.within(s.worker.server.HeadTimeout))
	}
}

// within is how long a request may take to come, which is less than usual when
// the server stops.
func (s *session) within(usual time.Duration) time.Duration {
	d := s.worker.server.DrainTimeout
	if !s.worker.draining || d < 0 || 0 < usual && usual < d {
		return usual
	}
	return d
}

// closed is the connection's end, whatever brought it.
func (s *session) closed(err error) {
	s.worker.counts.closed(err)
	tell := s.abandon()
	s.enter(gone)
	if s.head != nil {
		s.worker.giveHead(s.head)
		s.head = nil
	}
	s.uncount()
	tell()
}

// uncount takes the connection, which is gone, out of the server's count.
func (s *session) uncount() {
	s.worker.counts.phases[gone]--
	if s.is(refused) {
		s.worker.server.refused.Add(-1)
	} else {
		s.worker.server.conns.Add(-1)
	}
}
