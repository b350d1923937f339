// Handler: the callbacks, settings and limits that connections share.

package ws

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

// A Handler has the callbacks and settings for connections of one kind. It serves any
// number of connections, of a server and of a client, and must not be changed or
// copied meanwhile. All functions run on the connection's loop. A nil function means
// the default. Bytes that they are given are valid until they return.
type Handler struct {
	// Open is called once the handshake is done, before anything else: within
	// Upgrade on the server's side.
	Open func(c *Conn)

	// Message is called with each message, Text or Binary, when all of it has come.
	// Text is valid UTF-8. Default: messages are discarded.
	Message func(c *Conn, op Op, p []byte)

	// Stream, if it is set, is called in place of Message, with the pieces of each
	// message as they come. last is true with the last piece of a message, which may
	// be empty. A piece of text may end within a character, but the text as a whole is
	// valid UTF-8. The pieces of a compressed message come when it is complete.
	Stream func(c *Conn, op Op, p []byte, last bool)

	// Pong is called when a pong comes, also if no ping was sent.
	Pong func(c *Conn, p []byte)

	// Drain is called when the output has fallen from High to Low.
	Drain func(c *Conn)

	// Quiesce is called when the server shuts down: see
	// [conn.Handler].Quiesce. Default: Close with GoingAway.
	Quiesce func(c *Conn)

	// Close is the last callback of a connection, and is called exactly once. err says
	// how the connection ended; it is never nil.
	Close func(c *Conn, err *CloseError)

	// Protocols lists the subprotocols that the program speaks. A server selects the
	// first of the client's list that is among them, or none (RFC 6455 1.9). A client
	// offers all of them.
	Protocols []string

	// CheckOrigin reports whether a server accepts a request. Default: SameOrigin.
	// Without such a check, any page in a user's browser could open connections in
	// that user's name (RFC 6455 10.2).
	CheckOrigin func(r server.Request) bool

	// Deflate, if it is set, turns on compression where the peer agrees to it.
	Deflate *Deflate

	// MaxMessage is how many bytes a message may have after decompression. A larger one
	// closes the connection with TooBig. Default: 64 KiB, or no limit if Stream is set;
	// negative: no limit.
	MaxMessage int

	// MaxConns is how many connections of this Handler there may be, on all loops. A
	// server refuses more with 503. They do not count for Server.MaxConns. Default:
	// 65,536; negative: no limit.
	MaxConns int

	// PingAfter is how long the peer may be silent before it is sent a ping. Default:
	// 30 s; negative: no pings.
	PingAfter time.Duration

	// Silence is how long the peer may be silent before the connection is given up,
	// whatever is written meanwhile. Time in which reading is paused does not count.
	// Default: 75 s; negative: no limit.
	Silence time.Duration

	// CloseTimeout is how long the peer may take to send its close frame after ours.
	// Time in which it still reads what was written before does not count. Default: 5 s.
	CloseTimeout time.Duration

	// High, Low, Max and Stall are as in [conn.Handler], with its defaults.
	High, Low, Max int
	Stall          time.Duration

	open     atomic.Int64 // number of connections
	once     sync.Once
	protocol conn.Handler // the Handler as a protocol of package conn
	leaving  conn.Handler // the same, for connections whose close frame was written
}

// Default limits of a Handler.
const (
	DefaultMaxMessage   = 64 << 10
	DefaultMaxConns     = 65536
	DefaultPingAfter    = 30 * time.Second
	DefaultSilence      = 75 * time.Second
	DefaultCloseTimeout = 5 * time.Second
)

// conns returns h as a protocol of package conn.
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
		h.leaving = h.protocol
		h.leaving.ReadOn = true
	})
	return &h.protocol
}

// limit returns MaxMessage with its default, and a very high number for no limit.
func (h *Handler) limit() uint64 {
	switch {
	case h.MaxMessage > 0:
		return uint64(h.MaxMessage)
	case h.MaxMessage < 0 || h.Stream != nil:
		return 1<<63 - 1
	}
	return DefaultMaxMessage
}

// crowded reports whether there are MaxConns connections.
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
	// Code is the code of the peer's close frame, or NoCode if that held none. If the
	// peer broke a rule, it is the code that was sent to the peer. If the connection
	// ended in another way, it is Abnormal.
	Code   Code
	Reason string // the reason in the peer's close frame

	// Err is the cause if the peer did not close in order, else nil:
	//
	//   - an Error: the peer broke that rule
	//   - io.EOF, io.ErrUnexpectedEOF: a FIN came without a close frame
	//   - os.ErrDeadlineExceeded: the peer was silent, did not answer our close frame,
	//     or did not read
	//   - any other error that [conn.Handler].Close gets
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
