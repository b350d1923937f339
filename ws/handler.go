// Handler: the callbacks, choices and limits that connections share.

package ws

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

// A Handler says what happens on the connections of one kind. One Handler serves
// any number of them, of a server and of a client, and must not be changed or
// copied while it does. All functions run on the connection's loop; a nil one
// means the default. What they are given is valid until they return.
type Handler struct {
	// Open is called once the handshake is done, before anything else: within
	// Upgrade on the server's side.
	Open func(c *Conn)

	// Message is called with each message, Text or Binary, when all of it has come.
	// Text is valid UTF-8. Default: messages are discarded.
	Message func(c *Conn, op Op, p []byte)

	// Stream is called in place of Message, with the pieces of each message as they
	// come: last marks the end of one, which may be an empty piece. A piece of text
	// may end within a character, but the text as a whole is valid UTF-8. A
	// compressed message comes when it is complete, in pieces all the same.
	Stream func(c *Conn, op Op, p []byte, last bool)

	// Pong is called when a pong comes, whether or not it answers a Ping.
	Pong func(c *Conn, p []byte)

	// Drain is called when the output has fallen from High to Low.
	Drain func(c *Conn)

	// Quiesce is called when the server shuts down: see
	// [conn.Handler].Quiesce. Default: Close with GoingAway.
	Quiesce func(c *Conn)

	// Close is the last call that a connection gets, exactly once. err says how it
	// ended; it is never nil.
	Close func(c *Conn, err *CloseError)

	// Protocols are the subprotocols that are spoken here. A server takes the first
	// of the client's that is among them, and none if there is none (RFC 6455 1.9);
	// a client asks for all of them.
	Protocols []string

	// CheckOrigin reports whether a server lets a request in. The default is
	// SameOrigin: without it, any page in a user's browser could open connections
	// in that user's name (RFC 6455 10.2).
	CheckOrigin func(r server.Request) bool

	// Deflate, if it is set, has messages compressed where the peer agrees to it.
	Deflate *Deflate

	// MaxMessage is how many bytes a message may have, after decompression; one
	// with more closes the connection with TooBig. Default: 64 KiB, and no limit
	// for Stream. Negative: no limit.
	MaxMessage int

	// MaxConns is how many connections of this Handler there may be, on all loops: a
	// server refuses more with 503. Server.MaxConns does not count them. Default:
	// 65,536; negative: no limit.
	MaxConns int

	// PingAfter is after how long a silence of the peer it is sent a ping. Default:
	// 30 s; negative: never.
	PingAfter time.Duration

	// Silence is after how long a silence the connection is given up, whatever is
	// written meanwhile. It does not count while reading is paused. Default: 75 s;
	// negative: never.
	Silence time.Duration

	// CloseTimeout is how long the peer may take to answer a close frame. Default:
	// 5 s.
	CloseTimeout time.Duration

	// High, Low, Max and Stall are those of [conn.Handler], with its defaults.
	High, Low, Max int
	Stall          time.Duration

	open     atomic.Int64 // connections
	once     sync.Once
	protocol conn.Handler // what this means to a conn.Conn
}

// Limits of a Handler where it says nothing.
const (
	DefaultMaxMessage   = 64 << 10
	DefaultMaxConns     = 65536
	DefaultPingAfter    = 30 * time.Second
	DefaultSilence      = 75 * time.Second
	DefaultCloseTimeout = 5 * time.Second
)

// conns is the protocol of the connections that h is for.
func (h *Handler) conns() *conn.Handler {
	h.once.Do(func() {
		h.protocol = conn.Handler{
			Data:    func(c *conn.Conn, p []byte) int { return of(c).data(p) },
			End:     func(c *conn.Conn) { of(c).end() },
			Drain:   func(c *conn.Conn) { of(c).drained() },
			Timeout: func(c *conn.Conn) { of(c).timeout() },
			Quiesce: func(c *conn.Conn) { of(c).quiesce() },
			Close:   func(c *conn.Conn, err error) { of(c).closed(err) },
			High:    h.High, Low: h.Low, Max: h.Max, Stall: h.Stall,
			Hold: 1 << 20, // what is left is what one read brought: see data
		}
	})
	return &h.protocol
}

// limit is MaxMessage, as a number.
func (h *Handler) limit() uint64 {
	switch {
	case h.MaxMessage > 0:
		return uint64(h.MaxMessage)
	case h.MaxMessage < 0 || h.Stream != nil:
		return 1<<63 - 1
	}
	return DefaultMaxMessage
}

// crowded reports whether there are as many connections as there may be.
func (h *Handler) crowded() bool {
	most := h.MaxConns
	if most == 0 {
		most = DefaultMaxConns
	}
	return most > 0 && h.open.Load() >= int64(most)
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

func (h *Handler) pingAfter() time.Duration { return orDefault(h.PingAfter, DefaultPingAfter) }
func (h *Handler) silence() time.Duration   { return orDefault(h.Silence, DefaultSilence) }
func (h *Handler) closeTimeout() time.Duration {
	return orDefault(max(h.CloseTimeout, 0), DefaultCloseTimeout)
}

// A CloseError says how a connection ended.
type CloseError struct {
	// Code is that of the peer's close frame, or NoCode if it held none; if the peer
	// broke a rule, the one that it was sent; Abnormal if the connection ended in
	// another way.
	Code   Code
	Reason string // the peer's

	// Err is what was the matter, where the peer did not close in order:
	//
	//   - an Error: the peer broke that rule
	//   - io.EOF, io.ErrUnexpectedEOF: it ended without a close frame
	//   - os.ErrDeadlineExceeded: it was silent, did not answer our close frame, or
	//     did not read
	//   - any other that [conn.Handler].Close may be given
	Err error
}

func (e *CloseError) Error() string {
	s := "ws: closed, " + e.Code.String()
	if e.Reason != "" {
		s += fmt.Sprintf(" %q", e.Reason)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *CloseError) Unwrap() error { return e.Err }
