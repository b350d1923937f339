// Protocols that clients choose by ALPN (RFC 7301) in place of HTTP/1.1, and that
// others speak: package nethttp has net/http speak HTTP/2.

package server

import (
	"errors"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
)

func init() {
	adapt.Offer = func(s any, name string, p adapt.Protocol) error { return s.(*Server).offer(name, p) }
}

var errOffered = errors.New("server: a protocol is offered before ListenTLS, and once")

// offer has listeners for TLS offer a protocol.
func (s *Server) offer(name string, p adapt.Protocol) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != fresh || s.secure.TLS != nil || s.offered[name].Open != nil {
		return errOffered
	}
	if s.offered == nil {
		s.offered = make(map[string]adapt.Protocol)
	}
	s.offered[name] = p
	s.atStop = append(s.atStop, p.Stop)
	return nil
}

// openOther gives a connection to the protocol that its client has chosen, if that
// is not ours. It counts among the connections, and keeps its loop from its end, until it
// is released.
func (s *Server) openOther(c *conn.Conn, w *worker) bool {
	if len(s.offered) == 0 || c.TLS() == nil {
		return false
	}
	p, ok := s.offered[c.TLS().NegotiatedProtocol]
	switch {
	case !ok:
		return false
	case w.draining:
		c.Close()
		return true
	}
	if n := s.conns.Add(1); s.MaxConns >= 0 && n > int64(s.MaxConns) {
		s.conns.Add(-1)
		w.counts.limits.MaxConns++
		c.Abort() // it would have to be told in its own words
		return true
	}
	l := w.loop
	l.Ref()
	s.others.Add(1)
	p.Open(c, func() {
		s.others.Add(-1)
		s.conns.Add(-1)
		l.Post(l.Unref)
	})
	return true
}

// quiesceOthers tells the protocols of others that Shutdown was called.
func (s *Server) quiesceOthers() {
	for _, p := range s.offered {
		go p.Quiesce()
	}
}
