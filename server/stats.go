// Stats: counters for those who operate a server. A loop counts in fields of its
// own, without atomics, and once a turn copies them to where others may read them.

package server

import (
	"errors"
	"os"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// Stats are counters. Conns, the states below it, Others and Held are as of now; all
// others count events since the server's start.
type Stats struct {
	Others    int // connections that speak HTTP/2, by package nethttp; they count for MaxConns too
	Conns     int // connections that speak HTTP, each of them in one of these states:
	Idle      int // waiting for a request
	Reading   int // the head of a request has come in part
	Receiving int // a request's body has not all come
	Answering int // the answer is not complete
	Closing   int // the last answer is complete: it is being sent, or the rest of the input discarded
	Paused    int // connections, in whatever state, whose client does not read: see Response.Full

	Accepted        uint64 // connections
	AcceptErrors    uint64 // times that accepting failed, mostly because descriptors ran out
	Handshakes      uint64 // TLS handshakes that succeeded
	HandshakeErrors uint64 // TLS handshakes that failed

	Requests uint64    // requests that reached the handler, or were refused after their head
	Status   [6]uint64 // answers by class: Status[2] counts 2xx; [0] those past 5xx
	Refused  uint64    // answers of the server's own: malformed, too large, too slow
	Aborted  uint64    // exchanges that ended before the program ended them
	Pauses   uint64    // times that a connection became Paused
	Limits   Limits    // what the limits ended

	BytesIn  uint64 // bytes received
	BytesOut uint64 // bytes sent
	Held     int64  // bytes that connections hold: see MaxMemory

	Turns       uint64        // turns of all loops
	LongestTurn time.Duration // longest time that callbacks kept a loop from its other connections: see SlowCallback
}

// Limits counts connections that were closed and requests that were refused for
// going over a limit. A field counts for the setting of [Server] with its name.
type Limits struct {
	Malformed uint64 // requests that RFC 9112 does not allow, or that need what is not implemented: 400, 417, 501, 505

	MaxHead    uint64 // 414, 431
	MaxFields  uint64 // 431
	MaxBody    uint64 // 413: over Server.MaxBody, or over the max of Request.Body
	MaxConns   uint64 // 503
	MaxBacklog uint64 // over MaxBacklog of the server or of a Hub
	MaxMemory  uint64 // connections that were reset because they held most memory

	HeadTimeout  uint64 // 408, or no answer if the client never sent a byte
	BodyTimeout  uint64 // 408
	IdleTimeout  uint64 // no answer: there was no request
	WriteTimeout uint64 // the client took nothing of its answer: a reset
}

// counters are the counters of one loop. Only the loop uses them.
type counters struct {
	phases                     [numPhases]int // sessions in each
	requests, refused, aborted uint64
	class                      [6]uint64
	limits                     Limits
}

func (c *counters) status(code int) { c.class[c.classOf(code)]++ }

// uncount takes back what status has counted.
func (c *counters) uncount(code int) { c.class[c.classOf(code)]-- }

func (c *counters) classOf(code int) int {
	if class := code / 100; class < len(c.class) {
		return class
	}
	return 0
}

// refuse counts an answer of the server's own, or a connection that was closed in
// place of one. The phase separates head and body timeouts; refuseError counts the
// limits of the head.
func (c *counters) refuse(status int, p phase) {
	c.refused++
	switch l := &c.limits; status {
	case 400, 417, 501, 505:
		l.Malformed++
	case 408:
		if p == reading {
			l.HeadTimeout++
		} else {
			l.BodyTimeout++
		}
	case 413:
		l.MaxBody++
	case 503:
		l.MaxConns++
	}
}

// closed counts the limit that closed a connection, where only package conn knows.
func (c *counters) closed(err error) {
	switch {
	case err == conn.ErrBacklog:
		c.limits.MaxBacklog++
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.limits.WriteTimeout++ // session.timeout counts the other timeouts
	}
}

// publish makes the counters visible to Stats, at the end of a turn.
func (w *worker) publish() {
	w.mu.Lock()
	w.shown = w.counts
	w.mu.Unlock()
}

// Stats returns the counters, as they were at the end of each loop's last turn. It
// may be called from any goroutine, and from handlers.
func (s *Server) Stats() Stats {
	var st Stats
	s.mu.Lock()
	workers := s.workers
	st.handshakes(s.secure.TLS)
	s.mu.Unlock()
	st.Others = int(s.others.Load())
	for _, w := range workers {
		w.mu.Lock()
		c := w.shown
		w.mu.Unlock()
		st.add(&c)
		l := w.loop.Stats()
		st.Paused += l.Paused
		st.Pauses += l.Pauses
		st.Accepted += l.Accepted
		st.AcceptErrors += l.AcceptErrors
		st.BytesIn += l.BytesIn
		st.BytesOut += l.BytesOut
		st.Held += int64(l.Held)
		st.Limits.MaxMemory += l.Shed // also handshakes, and those that were handed over by Hijack
		st.Turns += l.Turns
		st.LongestTurn = max(st.LongestTurn, l.Longest)
	}
	return st
}

func (st *Stats) add(c *counters) {
	for _, n := range c.phases {
		st.Conns += n
	}
	st.Idle += c.phases[idle]
	st.Reading += c.phases[reading]
	st.Receiving += c.phases[receiving]
	st.Answering += c.phases[answering]
	st.Closing += c.phases[discarding] + c.phases[lingering] + c.phases[closing]
	st.Requests += c.requests
	st.Refused += c.refused
	st.Aborted += c.aborted
	for i, n := range c.class {
		st.Status[i] += n
	}
	st.Limits.add(&c.limits)
}

func (l *Limits) add(m *Limits) {
	l.Malformed += m.Malformed
	l.MaxHead += m.MaxHead
	l.MaxFields += m.MaxFields
	l.MaxBody += m.MaxBody
	l.MaxConns += m.MaxConns
	l.MaxBacklog += m.MaxBacklog
	l.MaxMemory += m.MaxMemory
	l.HeadTimeout += m.HeadTimeout
	l.BodyTimeout += m.BodyTimeout
	l.IdleTimeout += m.IdleTimeout
	l.WriteTimeout += m.WriteTimeout
}
