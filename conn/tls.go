// TLS: the settings of encrypted connections, and the state of one.
//
// The records are those of crypto/tls, unchanged. A tls.Conn is given a transport
// (tls_transport.go) that reads what the loop has read, and returns a temporary error
// when there is no more, instead of waiting. After such an error a tls.Conn can
// continue, but not in the middle of a handshake. So each handshake runs on a
// goroutine of its own, which ends with it (tls_handshake.go). From then on records
// are opened and sealed on the loop (tls_records.go), and an idle connection holds no
// goroutine.

package conn

import (
	"crypto/tls"
	"sync"
	"time"
)

// TLS encrypts the connections of a [Handler] by crypto/tls. One TLS may serve many
// listeners and loops; it must not be copied, nor changed once it is used.
//
// Connections that are accepted or adopted are the server's side, those of
// [Loop.Dial] the client's. Handler.Open is called when the handshake is done; if it
// fails only Handler.Close is called. Otherwise the connection behaves as without TLS:
// CloseWrite sends close_notify and then FIN, and the peer's close_notify calls
// Handler.End. A peer that closes without one causes io.ErrUnexpectedEOF, because
// somebody else may have cut off what it sent.
//
// To start TLS on a connection that has spoken plain text, Detach it and Adopt the
// result with a Handler that has TLS.
type TLS struct {
	// Config is crypto/tls's; a copy is made when it is first used. The copy of
	// a client never renegotiates. A client whose ServerName is empty expects
	// the name that it dials. NextProtos, client certificates, GetCertificate,
	// session tickets and all else are as the Config says.
	//
	// Its functions are called on the handshake's goroutine, several at a time, and
	// may block (e.g. an ACME client), as may a private key of another process. A
	// handshake that is blocked still counts among Handshakes; functions that get a
	// [tls.ClientHelloInfo] should return when its Context ends. A session cache or a
	// log of keys that blocks delays other handshakes. A panic, or [runtime.Goexit],
	// fails the handshake; a panic is logged.
	Config *tls.Config

	// If Client is set, adopted connections handshake as the client.
	Client bool

	// Timeout is how long a handshake may take, counted from when the connection is
	// established. Default: 10 seconds; negative: for ever.
	Timeout time.Duration

	// Handshakes limits how many are under way at a time. Each holds a goroutine,
	// and 24 KB with it (up to 50 as the system counts, garbage included). Others
	// wait in line: those of addresses (of IPv6 networks of 64 bits) that have more than
	// 16 go last, and in a long line who came last has most turns. While any
	// wait, a handshake that has waited for its peer for a second in all is ended;
	// the more wait, the sooner. An eighth is kept free by ending those that have
	// waited longest, if for 300 ms. Default: 2048.
	//
	// However many are under way, in the whole process only as many compute at a
	// time as leave a processor to the loops.
	Handshakes int

	// Waiting limits unfinished handshakes, started or not. If there is one too many,
	// the connection that has been without a whole ClientHello longest is closed, if
	// that is for more than a second; otherwise the new one is reset. Default:
	// 16,384.
	Waiting int

	// Plain, if set, serves clients whose first byte is a printable character, as in
	// no TLS: they speak HTTP at the wrong port, say, and can be told so. Such a
	// connection is not encrypted: Plain's Open is called, and its Data with those
	// first bytes.
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
	Done    uint64 // handshakes that succeeded
	Failed  uint64 // handshakes that failed: by the peer, by a timeout, or as one too many
	Pending int    // connections with an unfinished handshake now
	Running int    // handshakes that hold a goroutine now
}

// Stats returns the counters. It may be called from any goroutine.
func (s *TLS) Stats() TLSStats {
	p := &s.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	return TLSStats{Done: p.done, Failed: p.failed, Pending: p.pending, Running: p.running}
}

// TLS returns the state of an encrypted connection: its version, the server's name,
// the peer's certificates and so on. It is nil while the handshake is not done, once
// the connection is closed, and on one that is not encrypted. It must not be changed.
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

// security is the state of a connection's TLS.
type security uint8

const (
	plain   security = iota // no TLS
	shaking                 // the handshake is not done, and Open not called
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
		s.client.Renegotiation = tls.RenegotiateNever // a renegotiation would be a handshake on the loop
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
