// TLS: what a protocol's connections are encrypted with, and what is known of
// one that is.
//
// The records are those of crypto/tls as it is. A tls.Conn is given a transport
// (tls_transport.go) that reads what the loop has read, and says that there is
// no more for now instead of waiting; from such a temporary error a tls.Conn
// goes on where it was. In the middle of a handshake it does not, so that one is
// made on a goroutine of its own, which ends with it (tls_handshake.go). From
// then on records are opened and sealed on the loop (tls_records.go), and an
// idle connection holds no goroutine.

package conn

import (
	"crypto/tls"
	"sync"
	"time"
)

// TLS has the connections of a [Handler] encrypted by crypto/tls. One TLS may
// serve many listeners and loops; it must not be copied, nor changed once it is
// used.
//
// Connections that are accepted or adopted are the server's side, those of
// [Loop.Dial] the client's. Handler.Open is called when the handshake is done;
// a handshake that fails is told to Handler.Close alone. All else is as without
// TLS: CloseWrite sends close_notify and then FIN, the peer's close_notify is
// Handler.End, and a peer who closes without it makes for io.ErrUnexpectedEOF,
// because what it sent may have been cut off by somebody else.
//
// To start TLS on a connection that has spoken plain text, Detach it and Adopt
// what that answers with a Handler that has TLS.
type TLS struct {
	// Config is crypto/tls's; a copy is made when it is first used. The copy of
	// a client never renegotiates. A client whose ServerName is empty expects
	// the name that it dials. NextProtos, client certificates, GetCertificate,
	// session tickets and all else are as the Config says.
	//
	// Its functions are called on the handshake's goroutine, several at a time.
	// They may block, an ACME client say, and keep their place among Handshakes
	// meanwhile: those that get a [tls.ClientHelloInfo] should return when its
	// Context ends. So may a private key that is not this process's. A session
	// cache, or a log of keys, that blocks keeps other handshakes from computing. A panic, or [runtime.Goexit], fails the
	// handshake; a panic is logged.
	Config *tls.Config

	// Client has connections that are adopted shake hands as the client.
	Client bool

	// Timeout is how long a handshake may take, from when the connection is
	// established on. Default: 10 seconds; negative: for ever.
	Timeout time.Duration

	// Handshakes is how many are under way at a time: each holds a goroutine,
	// and 24 KB with it (up to 50 as the system counts, garbage included). Others
	// wait for their turn, the first and the last in line alternately. While any
	// do, a handshake that has waited for its peer for a second in all makes
	// room, or for less than that if many wait: the second is shared among all
	// of them. Default: 2048.
	//
	// However many are under way, only as many of them compute at a time, in
	// the whole process, as leave a processor to the loops.
	Handshakes int

	// Waiting is how many connections may be there whose handshake is not done,
	// begun or not. One more has the one closed that has been there longest
	// without a whole ClientHello, if that is longer than a second, and else is
	// reset. Default: 16,384.
	Waiting int

	// Plain, if set, takes the clients that begin with a printable character, as
	// no TLS does: HTTP at the wrong port, say, who can be told so. They are not
	// encrypted, and come with their first bytes to Plain's Open and Data.
	Plain *Handler

	prepare        sync.Once
	server, client *tls.Config
	pool           pool
}

// Defaults of [TLS] where it says nothing.
const (
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultHandshakes       = 2048
	DefaultWaiting          = 16384
)

// TLSStats counts the handshakes of a [TLS].
type TLSStats struct {
	Done    uint64 // that succeeded
	Failed  uint64 // that did not: by the peer, by time, or by being too many
	Pending int    // connections whose handshake is not done now
	Running int    // handshakes that hold a goroutine now
}

// Stats may be called from any goroutine.
func (s *TLS) Stats() TLSStats {
	p := &s.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	return TLSStats{Done: p.done, Failed: p.failed, Pending: p.pending, Running: p.running}
}

// TLS is what is known of an encrypted connection: its version, the server's
// name, the peer's certificates and so on. It is nil while the handshake is not
// done, once the connection is closed, and on one that is not encrypted. It is
// not to be changed.
func (c *Conn) TLS() *tls.ConnectionState {
	c.own("TLS")
	if c.sec != sealed || c.more == nil {
		return nil
	}
	t := c.more.tls
	if t.state == nil {
		s := t.tls.ConnectionState()
		t.state = &s
	}
	return t.state
}

// security is how far a connection is with TLS.
type security uint8

const (
	plain   security = iota // it has none
	shaking                 // Open follows the handshake
	sealed                  // input and output are records
)

// configs makes the two copies of Config, once.
func (s *TLS) configs() {
	s.prepare.Do(func() {
		base := s.Config
		if base == nil {
			base = new(tls.Config)
		}
		s.client, s.server = s.stepAside(base), s.stepAside(base)
		s.client.Renegotiation = tls.RenegotiateNever // it would be a handshake on the loop
	})
}

// conn makes the tls.Conn of t.
func (s *TLS) conn(t *transport) *tls.Conn {
	s.configs()
	if !t.client {
		return tls.Server(t, s.server)
	}
	cfg := s.client
	if cfg.ServerName == "" && t.hs.host != "" {
		cfg = cfg.Clone()
		cfg.ServerName = t.hs.host
	}
	return tls.Client(t, cfg)
}

func (s *TLS) timeout() uint32 {
	switch {
	case s.Timeout < 0:
		return 0
	case s.Timeout == 0:
		return ticks(DefaultHandshakeTimeout)
	}
	return ticks(s.Timeout)
}
