// transport: the net.Conn under a tls.Conn. During the handshake, its goroutine calls
// Read, which waits. Then the loop does, and Read never waits. After Detach, Read and
// Write go to the socket itself.

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
	hs     *handshake           // nil once the handshake is done
	raw    []byte               // input that the tls.Conn has not taken
	socket net.Conn             // set by Detach
	state  *tls.ConnectionState // set by the first Conn.TLS
	client bool
	bye    bool // close_notify is sent
	kept   kept
}

// Read returns what the loop has read. If there is no more, it waits during a
// handshake, and returns errAgain to the loop.
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

// Write takes everything, always, because a tls.Conn never writes the rest again. What
// it takes counts as pending output.
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

// Close does nothing before Detach. crypto/tls calls it when a handshake's context
// ends, which Read watches too.
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

// errAgain is EAGAIN for crypto/tls: a temporary net.Error, after which a tls.Conn can
// continue to read.
var errAgain net.Error = again{os.ErrDeadlineExceeded}

type again struct{ error }

func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

// detachedTLS returns the transport of an encrypted connection that Detach has
// returned, or nil.
func detachedTLS(nc net.Conn) *transport {
	if tc, ok := nc.(*tls.Conn); ok {
		if t, ok := tc.NetConn().(*transport); ok && t.socket != nil {
			return t
		}
	}
	return nil
}
