// Handler: the callbacks and limits that the connections of a protocol share.

package conn

import (
	"cmp"
	"errors"
	"math"
	"time"
)

// A Handler says what happens on the connections of one protocol. One Handler
// serves any number of connections and must not be changed while it does. All
// functions run on the connection's loop; a nil one means the default. For limits
// 0 means the default, and a negative number no limit.
type Handler struct {
	// Open is called once the connection is established, before anything else.
	Open func(c *Conn)

	// Data is called with the bytes that have not been consumed yet, and returns
	// how many of them it consumed. The others come again: before the next ones
	// to arrive, after [Conn.Resume], or when output that had paused reading has
	// drained. p is valid until Data returns, and may be changed in place; bytes
	// that come again come as they were changed.
	// Default: consume everything.
	Data func(c *Conn, p []byte) (n int)

	// End is called when the peer has sent its FIN. The peer may still read what
	// is written. Default: [Conn.Close].
	End func(c *Conn)

	// Drain is called when the output has fallen from High to Low.
	Drain func(c *Conn)

	// Timeout is called when the time of [Conn.SetTimeout], [Conn.SetReadTimeout]
	// or [Conn.SetDeadline] is over. Default: close the connection with
	// [os.ErrDeadlineExceeded].
	Timeout func(c *Conn)

	// Quiesce is called when the program stops in order, as by
	// server.Server.Shutdown: finish what is under way, and close. Package conn
	// itself never calls it.
	Quiesce func(c *Conn)

	// Close is the last call for a connection. It comes exactly once, even if
	// Open never came. err says why:
	//
	//   - nil: after [Conn.Close], if the kernel took all output, and after Detach
	//   - io.EOF: the peer's FIN came first
	//   - io.ErrUnexpectedEOF, wrapped: it came without TLS's close_notify
	//   - os.ErrDeadlineExceeded, perhaps wrapped: a timeout
	//   - ErrBacklog, ErrHold, ErrMemory: that limit
	//   - net.ErrClosed: after Abort
	//   - an os.SyscallError with the errno of the operation that failed
	//   - the cause of Run's context, when the loop ended
	//   - a *[net.OpError]: a dial failed
	//   - a *[HandshakeError], which wraps one of these, or crypto/tls's
	//   - anything else: a handler's panic
	Close func(c *Conn, err error)

	// TLS, if set, encrypts the connections.
	TLS *TLS

	// High and Low are the marks of the pending output, in bytes. When it reaches
	// High, Full is true and reading pauses, until it has fallen to Low. A Write
	// while more than Max is pending aborts the connection with ErrBacklog. A
	// negative Low means 0.
	// Defaults: 64 KiB, a quarter of High, 16 MiB.
	High, Low, Max int

	// ReadOn keeps reading while the output is at High. Set it only if the output
	// is not caused by the input: otherwise a peer that sends, and does not read,
	// makes us hold up to Max. Without it, connections of [Loop.Dial] read on too,
	// because the answer to an upload may come early, and so do those that
	// [Conn.Pipe] to another sink. A connection that pipes to itself never does.
	ReadOn bool

	// Hold is how many bytes Data may leave unconsumed while reading is not
	// paused; with more the connection is closed with ErrHold. Default: 64 KiB.
	Hold int

	// Stall bounds how long pending output may make no progress before the
	// connection is closed with os.ErrDeadlineExceeded. A peer that takes 64 KiB
	// in that time, 2 KiB/s by default, is never cut off. The kernel shows
	// progress in steps, whose size depends on the peer's window and buffer. So a
	// peer that takes nothing is closed only after four times Stall; and a peer
	// whose buffer has grown to megabytes, and that then slows down, is safe only
	// from 16 KiB/s on. Default: 30 seconds; negative: for ever.
	Stall time.Duration
}

// Default limits of a Handler.
const (
	DefaultHigh  = 64 << 10
	DefaultLow   = DefaultHigh / 4
	DefaultMax   = 16 << 20
	DefaultHold  = 64 << 10
	DefaultStall = 30 * time.Second
)

// Errors of a connection that was closed for exceeding a limit of its [Handler].
var (
	ErrBacklog = errors.New("conn: more output pending than Handler.Max allows: the peer does not read, wait for OnDrain when Full")
	ErrHold    = errors.New("conn: Data left more input than Handler.Hold allows: consume it, or Pause")
)

// defaults stands for a nil Handler.
var defaults Handler

func (h *Handler) high() int { return orDefault(h.High, DefaultHigh) }
func (h *Handler) low() int  { return max(min(cmp.Or(h.Low, h.high()/4), h.high()-1), 0) }
func (h *Handler) max() int  { return orDefault(h.Max, DefaultMax) }
func (h *Handler) hold() int { return orDefault(h.Hold, DefaultHold) }

// stall returns Stall in ticks of the wheel; 0 means for ever.
func (h *Handler) stall() uint32 {
	switch {
	case h.Stall < 0:
		return 0
	case h.Stall == 0:
		return ticks(DefaultStall)
	}
	return ticks(h.Stall)
}

// orDefault returns the limit that n stands for: the default for 0, none if negative.
func orDefault(n, def int) int {
	switch {
	case n > 0:
		return n
	case n < 0:
		return math.MaxInt
	}
	return def
}
