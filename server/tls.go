// TLS: HTTP on listeners that encrypt. See conn.TLS for how that works; the rest of
// this package uses such a connection like any other.

package server

import (
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"slices"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
)

var errNoCertificate = errors.New("server: TLS wants Certificates, GetCertificate or GetConfigForClient in Server.TLS")

// ListenAndServeTLS is [ListenAndServe] for HTTPS. Both files are in PEM. certFile
// holds the certificate, then its intermediates; keyFile holds its key.
func ListenAndServeTLS(addr, certFile, keyFile string, h Handler) error {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return err
	}
	s := &Server{Handler: h, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}
	if _, err := s.ListenTLS("tcp", addr); err != nil {
		s.Close()
		return err
	}
	return s.Serve()
}

// ListenTLS is [Server.Listen] for HTTPS, configured by Server.TLS. A server may
// have listeners with and without TLS. A client that speaks plain HTTP to one with
// TLS gets a 400 that says so. The handshake and then the first head each get
// HeadTimeout. MaxConns counts from the end of the handshake; until then the limits
// of [conn.TLS] apply.
func (s *Server) ListenTLS(network, addr string) (net.Addr, error) {
	h, err := s.secured()
	if err != nil {
		return nil, err
	}
	return s.listen(h, s.opener(network, addr))
}

// InheritTLS is Inherit for HTTPS: see ListenTLS.
func (s *Server) InheritTLS(ln net.Listener) error {
	h, err := s.secured()
	if err != nil {
		return err
	}
	return s.InheritConn(ln, h)
}

// secured returns protocol over TLS. It is made once: all listeners share its pool
// of handshakes.
func (s *Server) secured() (*conn.Handler, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch c := s.TLS; {
	case s.Handler == nil:
		return nil, ErrNoHandler
	case c == nil || len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil:
		return nil, errNoCertificate
	case s.state != fresh:
		return nil, ErrServing
	}
	if err := s.makeLoops(); err != nil {
		return nil, err
	}
	if s.secure.TLS == nil {
		s.secure, s.misled = s.protocol, s.protocol
		s.misled.Data = func(c *conn.Conn, p []byte) int { return sessionOf(c).misled(p) }
		s.secure.TLS = &conn.TLS{
			Config:     httpConfig(s.TLS, s.offered),
			Timeout:    s.HeadTimeout,
			Handshakes: most(s.MaxHandshakes, 1<<30),
			Waiting:    min(most(s.MaxConns, 1<<30), conn.DefaultWaiting),
			Plain:      &s.misled,
		}
	}
	return &s.secure, nil
}

// httpConfig returns a copy of c that offers, by ALPN, HTTP/1 and the protocols of
// other packages, and nothing else: a server must not select a protocol that it
// does not speak (RFC 7301 3.2).
func httpConfig(c *tls.Config, offered map[string]adapt.Protocol) *tls.Config {
	c = c.Clone()
	c.NextProtos = slices.DeleteFunc(slices.Clone(c.NextProtos), func(p string) bool { return p == "h2" })
	c.NextProtos = append(slices.Sorted(maps.Keys(offered)), c.NextProtos...)
	for _, p := range []string{"http/1.1", "http/1.0"} { // curl -0 offers only http/1.0
		if !slices.Contains(c.NextProtos, p) {
			c.NextProtos = append(c.NextProtos, p)
		}
	}
	if get := c.GetConfigForClient; get != nil {
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c, err := get(hello)
			if c != nil && (len(offered) > 0 || slices.Contains(c.NextProtos, "h2")) {
				c = httpConfig(c, offered)
			}
			return c, err
		}
	}
	return c
}

// misled handles the input of a client that speaks plain HTTP to a TLS listener.
func (s *session) misled(p []byte) int {
	if s.phase == idle || s.phase == reading {
		s.refuse(400, "this port speaks HTTPS, and was sent HTTP", nil)
		return len(p)
	}
	return s.data(p)
}

// handshakes adds the counters of TLS handshakes.
func (st *Stats) handshakes(t *conn.TLS) {
	if t != nil {
		h := t.Stats()
		st.Handshakes, st.HandshakeErrors = h.Done, h.Failed
	}
}

// TLS returns the state of the client's connection if it is encrypted, else nil. It
// must not be changed.
func (r Request) TLS() *tls.ConnectionState {
	if !r.valid() {
		return nil
	}
	return r.s.conn.TLS()
}
