// transport: the net.Conn under a tls.Conn. Who is at its other end changes:
// first the goroutine of the handshake, for which Read waits; then the loop, for
// which it never does; and after Detach the socket itself.

package conn

import (
	"crypto/tls"
	"net"
	"os"
	"time"
)

type transport struct {
	c      *Conn
	cfg    *TLS
	tls    *tls.Conn
	hs     *handshake           // while that is not done
	raw    []byte               // input that the tls.Conn has not taken
	socket net.Conn             // after Detach
	state  *tls.ConnectionState // once it was asked for
	client bool
	bye    bool // close_notify is sent
}

// Read answers what the loop has read. When there is no more, a handshake waits
// for it, and the loop is told to come again.
func (t *transport) Read(p []byte) (int, error) {
	if len(t.raw) == 0 {
		switch {
		case t.socket != nil:
			return t.socket.Read(p)
		case t.hs == nil:
			return 0, errAgain
		}
		var err error
		if t.raw, err = t.hs.await(); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.raw)
	t.raw = t.raw[n:]
	return n, nil
}

// Write takes everything, always: a tls.Conn has no second try. What it takes
// counts as pending output.
func (t *transport) Write(p []byte) (int, error) {
	switch {
	case t.socket != nil:
		return t.socket.Write(p)
	case t.hs != nil:
		t.hs.out = append(t.hs.out, p...)
	default:
		t.c.record(p)
	}
	return len(p), nil
}

// Close is called by crypto/tls when a handshake's context ends, which Read
// looks at too.
func (t *transport) Close() error {
	if t.socket != nil {
		return t.socket.Close()
	}
	return nil
}

func (t *transport) LocalAddr() net.Addr {
	switch {
	case t.socket != nil:
		return t.socket.LocalAddr()
	case t.hs != nil:
		return t.hs.local
	}
	return t.c.LocalAddr()
}

func (t *transport) RemoteAddr() net.Addr {
	switch {
	case t.socket != nil:
		return t.socket.RemoteAddr()
	case t.hs != nil:
		return t.hs.remote
	}
	return t.c.RemoteAddr()
}

func (t *transport) SetDeadline(d time.Time) error {
	if t.socket != nil {
		return t.socket.SetDeadline(d)
	}
	return nil // the loop has its own
}

func (t *transport) SetReadDeadline(d time.Time) error {
	if t.socket != nil {
		return t.socket.SetReadDeadline(d)
	}
	return nil
}

func (t *transport) SetWriteDeadline(d time.Time) error {
	if t.socket != nil {
		return t.socket.SetWriteDeadline(d)
	}
	return nil
}

// errAgain is EAGAIN in crypto/tls's terms: a net.Error that is temporary, after
// which a tls.Conn goes on reading where it was.
var errAgain net.Error = again{os.ErrDeadlineExceeded}

type again struct{ error }

func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

// detachedTLS is the transport of a connection that Detach has answered, if it is
// encrypted.
func detachedTLS(nc net.Conn) *transport {
	if tc, ok := nc.(*tls.Conn); ok {
		if t, ok := tc.NetConn().(*transport); ok && t.socket != nil {
			return t
		}
	}
	return nil
}
