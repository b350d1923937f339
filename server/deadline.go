// Deadlines: how long a session may wait in each phase, and how that changes when
// the server stops.

package server

import (
	"os"
	"time"
)

// awaitHead waits for the next request. The time begins when the client has got the
// answer before it: each piece of that answer that the kernel takes moves the
// deadline. After a large answer, the kernel is asked now and then whether it still
// holds a part.
func (s *session) awaitHead() {
	d := s.within(s.worker.server.IdleTimeout)
	if s.is(bulky) && d > 0 {
		d = max(d/looks, time.Millisecond)
	}
	switch {
	case !s.is(served): // the deadline of the first head is set already
	case s.worker.quiescing || s.is(blank):
		// Empty lines do not begin the time anew: a client that sends them would stay for
		// ever, and keep the server from stopping.
		if !s.is(lastCall) {
			s.set(lastCall)
			s.conn.SetDeadline(d)
		}
	case s.is(bulky):
		s.conn.SetDeadline(d)
	default:
		s.conn.SetTimeout(d)
	}
}

const (
	bulk  = 64 << 10 // an answer of as many bytes is large
	looks = 16       // times that the kernel is asked, while it delivers a large answer
)

// awaitRest waits for the rest of a head.
func (s *session) awaitRest() {
	d := s.worker.server.HeadTimeout
	if s.worker.quiescing {
		d = s.worker.quiesceHead()
	}
	s.conn.SetDeadline(d)
}

// awaitMore waits for more of a head of which a part has come, which moves the deadline of
// a server that stops: but not its last one, that bytes which come faster than the clock
// ticks would push on and on.
func (s *session) awaitMore() {
	if !s.worker.quiescing {
		return
	}
	if d := s.worker.quiesceHead(); d != noTime {
		s.conn.SetDeadline(d)
	}
}

// timeout is called when the time for what the session waits for is over.
func (s *session) timeout() {
	switch s.phase {
	case idle:
		if s.delivers() {
			return
		}
		if l := &s.worker.counts.limits; s.is(served) {
			l.IdleTimeout++
		} else {
			l.HeadTimeout++ // the time for the first head began with the connection
		}
	case receiving:
		if s.progressed() || s.x.sink == nil || s.is(stopped|waiting) || s.conn.Full() {
			s.conn.SetDeadline(s.bodyTime()) // enough has come, or it was not we who waited for more
			return
		}
	case discarding:
		if s.progressed() || s.is(waiting) {
			s.conn.SetDeadline(s.bodyTime())
			return
		}
	case lingering:
		if s.conn.Pending() > 0 {
			s.conn.SetDeadline(s.lingerFor()) // the time counts from the end of the answer
			return
		}
	}
	s.happens(timedOut, os.ErrDeadlineExceeded)
}

// delivers reports whether the time of an idle connection has not begun, because the client
// was still reading its answers, or has left them unread for too long, which ends it.
func (s *session) delivers() bool {
	s.clear(lastCall)
	switch {
	case s.conn.Pending() > 0: // package conn watches the progress of that
	case s.is(bulky):
		if !s.unreadBulk() {
			s.clear(bulky)
		} else if s.stuck() {
			s.worker.counts.limits.WriteTimeout++
			s.happens(aborted, os.ErrDeadlineExceeded)
			return true
		}
	default:
		return false
	}
	s.awaitHead()
	return true
}

// unreadBulk notes how much of the answers the kernel holds, and reports whether it holds
// any.
func (s *session) unreadBulk() bool {
	n := s.conn.Undelivered()
	if n == 0 {
		return false
	}
	if l := s.last(); l.undelivered == 0 || l.undelivered-n >= leastTaken || n > l.undelivered {
		l.undelivered, l.takenAt = n, s.conn.Loop().Now()
	}
	return true
}

// stuck reports whether the client has taken nothing of what the kernel holds for as long as
// package conn would wait, had the kernel not taken all of the answer.
func (s *session) stuck() bool {
	w := s.worker
	d := w.server.WriteTimeout
	if most := w.server.DrainTimeout; w.quiescing && most >= 0 {
		if most = w.stopStall(); d < 0 || d > most {
			d = most
		}
	}
	return d >= 0 && w.loop.Now().Sub(s.last().takenAt) >= stallLooks*d
}

// stopStall is what conn.Handler.Stall is at most when the server stops.
func (w *worker) stopStall() time.Duration {
	return max(w.server.DrainTimeout, leastTaking) / stallLooks
}

// lingerFor returns how long the client may take to read the last answer and close.
func (s *session) lingerFor() time.Duration { return s.within(lingerTime) }

const (
	// leastTaking is the least time for which a client may take nothing of its answer when
	// the server stops. The kernel shows progress in steps, of 64 KiB as a rule on the
	// loopback device: who reads 16 KiB/s is safe.
	leastTaking = 4 * time.Second
	stallLooks  = 4 // a peer that takes nothing is closed after as many times conn.Handler.Stall
	// leastTaken bytes less in the kernel are progress, as for package conn.
	leastTaken = 1 << 10
)

// quiesce lets the loop stop once the exchanges under way have ended.
func (w *worker) quiesce() {
	w.quiescing, w.quiesceBegan = true, w.loop.Now()
	w.loop.Unref()
	w.sweeper.Stop()
	if w.server.DrainTimeout >= 0 {
		w.loop.LimitStall(w.stopStall())
	}
	for c := range w.loop.Conns() {
		if s, ok := c.State.(*session); ok {
			s.quiesce()
		}
	}
	w.quiesceOthers()
}

// quiesce is called when the server stops. Exchanges under way may end, and a
// request that is on its way may come: closing an idle connection at once would
// lose it, and the client would not know whether it was served (RFC 9112 9.5).
func (s *session) quiesce() {
	switch s.phase {
	case idle:
		if s.is(waiting) || s.conn.Full() {
			return // a request has begun to come
		}
		s.set(lastCall)
		s.conn.SetDeadline(s.within(s.usualWait()))
	case reading:
		s.conn.SetDeadline(s.worker.quiesceHead())
	case discarding:
		s.clear(persist)
		s.conn.SetDeadline(s.bodyTime())
	case lingering:
		s.conn.SetDeadline(s.lingerFor())
	default:
		if !s.is(sent) { // else the client does not know, and may send one more request
			s.clear(persist)
		}
		if s.phase == receiving && s.x.sink != nil && !s.x.untimed {
			s.conn.SetDeadline(s.bodyTime())
		}
	}
}

// usualWait returns how long an idle connection waits for a request.
func (s *session) usualWait() time.Duration {
	if s.is(served) {
		return s.worker.server.IdleTimeout
	}
	return s.worker.server.HeadTimeout
}

// within returns how long the session waits, where usual is the time of a server
// that does not stop.
func (s *session) within(usual time.Duration) time.Duration {
	d := s.worker.server.DrainTimeout
	if !s.worker.quiescing || d < 0 || 0 < usual && usual < d {
		return usual
	}
	return d
}

// quiesceHead returns how long a stopping server waits for more of a head: DrainTimeout
// for the next byte, and HeadTimeout in all; noTime once the latter is over.
func (w *worker) quiesceHead() time.Duration {
	d, all := w.server.DrainTimeout, w.server.HeadTimeout
	if all > 0 {
		all = max(all-w.loop.Now().Sub(w.quiesceBegan), noTime)
	}
	switch {
	case d < 0:
		return all
	case all < 0:
		return d
	}
	return min(d, all)
}

// noTime is the shortest deadline there is: none would be set by 0.
const noTime time.Duration = 1
