// Stats: what an operator asks a running server.

package server

import "sync/atomic"

// Stats are a server's counters since its start.
type Stats struct {
	Conns        int64     // that speak HTTP, open now
	Accepted     uint64    // connections
	AcceptErrors uint64    // times that accepting failed, for want of descriptors as a rule
	Overload     uint64    // connections refused for being more than MaxConns
	Requests     uint64    // that reached the handler, or were refused after their head
	Refused      uint64    // answers of the server's own: malformed, too large, too slow
	Aborted      uint64    // exchanges that ended before the program ended them
	Status       [6]uint64 // answers by class: Status[2] counts 2xx; [0] those past 5xx
	BytesIn      uint64
	BytesOut     uint64
	Turns        uint64 // of the loops
}

// counters are those of one loop; others read them.
type counters struct {
	requests, refused, aborted, overload atomic.Uint64
	class                                [6]atomic.Uint64
}

func (c *counters) status(code int) {
	class := code / 100
	if class >= len(c.class) {
		class = 0
	}
	c.class[class].Add(1)
}

// Stats answers the counters. It may be called from any goroutine, handlers
// included; what loops count themselves is as of their last turn.
func (s *Server) Stats() Stats {
	st := Stats{Conns: s.conns.Load() + s.refused.Load()}
	s.mu.Lock()
	workers := s.workers
	s.mu.Unlock()
	for _, w := range workers {
		c := &w.counts
		st.Requests += c.requests.Load()
		st.Refused += c.refused.Load()
		st.Aborted += c.aborted.Load()
		st.Overload += c.overload.Load()
		for i := range st.Status {
			st.Status[i] += c.class[i].Load()
		}
		l := w.loop.Stats()
		st.Accepted += l.Accepted
		st.AcceptErrors += l.AcceptErrors
		st.BytesIn += l.BytesIn
		st.BytesOut += l.BytesOut
		st.Turns += l.Turns
	}
	return st
}
