// Servers and clients that speak TLS.

package nethttp

import (
	"log/slog"
	"net"
	"testing"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// startTLS is start with a second listener, for TLS.
func startTLS(t testing.TB, s *server.Server, h server.Handler) (r *rig, addr net.Addr) {
	t.Helper()
	if s.TLS == nil {
		s.TLS = loopback.Example().Config()
	}
	s.Handler = h
	if s.Loops == 0 {
		s.Loops = 1
	}
	log := new(loopback.Log)
	s.Log = slog.New(log)
	addr, err := s.ListenTLS("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r = start(t, s, h)
	r.logs = log // the loops were made with it
	return r, addr
}

var mustDialTLS = loopback.MustDialTLS
