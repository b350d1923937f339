// Listeners that go on, whatever becomes of those who connect.

package loopback

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
)

// Listen listens at a port that the system chooses, until the test ends.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return Lasting(ln)
}

// HTTP is httptest.NewServer, over a listener like Listen's.
func HTTP(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Listener = Lasting(s.Listener)
	s.Start()
	return s
}

// Lasting returns ln, except that its Accept fails only once it is closed. Under wine that of package net also
// fails, with WSAENOTCONN, if a connection was reset while it waited to be accepted: Windows reports this as
// WSAECONNRESET, or not at all, and package net goes on. A server that ended at such an error would never answer
// the clients that come later, and their tests would wait in vain.
func Lasting(ln net.Listener) net.Listener { return lasting{ln} }

type lasting struct{ net.Listener }

func (l lasting) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil || runtime.GOOS != "windows" || errors.Is(err, net.ErrClosed) {
			return c, err
		}
	}
}
