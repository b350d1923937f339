// Protocols that clients choose by ALPN (RFC 7301) in place of HTTP/1.1, and that
// other packages serve: package nethttp serves HTTP/2 by net/http.

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

// offer makes listeners for TLS offer a protocol.
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
// is not ours. Until it is released, the connection counts for MaxConns, and its
// loop does not stop.
func (s *Server) openOther(c *conn.Conn, w *worker) bool {
	if len(s.offered) == 0 || c.TLS() == nil {
		return false
	}
	p, ok := s.offered[c.TLS().NegotiatedProtocol]
	switch {
	case !ok:
		return false
	case w.quiescing:
		c.Close()
		return true
	}
	if n := s.conns.Add(1); s.MaxConns >= 0 && n > int64(s.MaxConns) {
		s.conns.Add(-1)
		w.counts.limits.MaxConns++
		c.Abort() // only its own protocol could say why
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

// quiesceOthers makes the protocols of other packages quiesce.
func (s *Server) quiesceOthers() {
	for _, p := range s.offered {
		go p.Quiesce()
	}
}
