// Pipelining, for those who ask for it: requests are sent behind others on one connection, and their
// answers come in the same order (RFC 9112 9.3.2).

package client

import (
	"time"

	"github.com/lurcher-net/lurcher/parser"
)

const (
	mostMoves   = 3        // connections that an exchange in line may lose before it is sent behind nobody any more
	mostDropped = 64 << 10 // bytes of an answer that nobody wants any more, for which its connection is kept
)

// mayFollow reports whether x may be sent behind others, and others behind it: it is there as a whole, and
// can be sent again if the connection ends first.
func (x *exchange) mayFollow() bool {
	return x.send == complete && safe(x.method) && !x.is(unkept|closes|upgrades) && !x.hasFiles() && len(x.out) <= mostReplay
}

// safe reports whether a request with the method asks for nothing but an answer (RFC 9110 9.2.1).
func safe(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}

// offer lists s with those that have room for another request. That takes a server which has left the
// connection open after an answer: after a failure nothing is pipelined on a new connection at once.
func (s *session) offer() {
	if most := s.o.pool.limits.pipeline; most == 1 || s.roomy || !s.pipes || s.state != busy || 1+s.line.n >= most ||
		s.x == nil || !s.x.is(follows) || s.conn.Full() {
		return
	}
	s.roomy = true
	s.o.roomy.pushFront(&s.in)
}

// withdraw undoes offer.
func (s *session) withdraw() {
	if s.roomy {
		s.roomy = false
		s.o.roomy.remove(&s.in)
	}
}

// follow sends x behind the requests that are under way on s.
func (s *session) follow(x *exchange) {
	s.withdraw() // what the program asks for in OnConn must not be sent before x, which is in line before it
	x.stopTimer()
	x.s, x.read, x.given, x.from = s, inLine, 0, s.seen
	s.line.pushBack(&x.in)
	x.set(reused)
	pool := s.o.pool
	pool.counts.reused.Add(1)
	pool.counts.pipelined.Add(1)
	if !x.tellConn(s) {
		s.offer()
		return
	}
	if _, err := s.conn.Write(x.out); err != nil {
		s.line.remove(&x.in)
		x.s = nil
		x.clear(follows)
		s.o.acquire(x)
		return
	}
	x.given = len(x.out)
	if x.until != 0 {
		left := max(time.Duration(x.until-pool.now()), 1)
		x.timer = pool.loop.After(left, func() { x.fail(&Error{Phase: Head, Err: errTotalTime}) })
	}
	s.offer()
}

// spread sends requests that wait behind others, in their order.
func (o *origin) spread() {
	for o.roomy.n > 0 && o.waiting.n > 0 && o.waiting.first.of.is(follows) {
		x := o.waiting.first.of
		o.dequeue(x)
		o.roomy.first.of.follow(x)
	}
}

// turn makes the answer to the first in line the one that is due. Its time limits begin.
func (s *session) turn() {
	x := s.line.first.of
	s.line.remove(&x.in)
	s.x, x.read = x, heading
	x.stopTimer()
	x.arm()
	s.offer()
	s.o.spread()
}

// desert sends those in line to other connections: s is not going to answer them. They are safe, so the
// server may have acted on them.
func (s *session) desert() {
	s.withdraw()
	if s.line.n == 0 {
		return
	}
	defer s.desert() // the next one, also if OnConn panics
	x := s.line.first.of
	s.line.remove(&x.in)
	x.s = nil
	x.stopTimer()
	if x.is(ghost) {
		x.finished()
		return
	}
	if x.moved++; x.moved > mostMoves {
		x.clear(follows)
	}
	s.o.pool.counts.retries.Add(1)
	s.o.acquire(x)
}

// forget ends the connection's business with x, which is in line. Its answer will come all the same: a ghost
// takes its place, reads that and drops it.
func (s *session) forget(x *exchange) {
	x.s = nil
	prev, next := x.in.prev, x.in.next
	s.line.remove(&x.in)
	if s.state == gone {
		return // desert goes on with those that are left
	}
	g := s.o.pool.exchange()
	g.o, g.s, g.method, g.asked = s.o, s, x.method, dropAnswer
	g.send, g.read, g.given, g.from = complete, inLine, x.given, x.from
	g.set(ghost | follows | reused | unkept)
	s.line.insert(&g.in, prev, next)
}

// dropAnswer reads an answer that nobody wants, unless it is long: then the connection ends.
func dropAnswer(r Response, err error) {
	left := int64(mostDropped)
	if err != nil {
		return
	}
	if r.Length() > left {
		r.Request().Abort()
		return
	}
	r.Stream(func(p []byte, err error) {
		if left -= int64(len(p)); left < 0 && err == nil {
			r.Request().Abort()
		}
	})
}

// unsolicited reports whether what comes now was received before x was sent, and so is no answer to it.
func (s *session) unsolicited(x *exchange) bool { return s.at < x.from }

// poisoned abandons the connection because of that. x is sent on another.
func (s *session) poisoned(x *exchange) {
	s.o.pool.counts.unsolicited.Add(1)
	s.x, x.read = nil, inLine
	s.line.pushFront(&x.in)
	s.abort()
	s.desert()
}

// persists notes whether requests may be sent behind the one that is being answered.
func (s *session) persists(x *exchange, h *head) {
	s.pipes = h.KeepAlive && h.Minor > 0 && !x.is(closes) && h.Framing != parser.UntilClose
	if !s.pipes {
		s.withdraw()
	}
}

// unsentOf returns how much of the output of x, and of what was given to the connection before it, has not
// been sent.
func (s *session) unsentOf(x *exchange) int {
	n := s.conn.Unsent()
	for e := s.line.last; e != nil && e.of != x; e = e.prev {
		n -= e.of.given
	}
	return max(n, 0)
}
