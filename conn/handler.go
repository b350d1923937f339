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
// functions run on the connection's loop; a nil one means the default. Of limits
// 0 means the default, and a negative number none.
type Handler struct {
	// Open is called once the connection is established, before anything else.
	Open func(c *Conn)

	// Data is called with the bytes that have not been consumed yet, and returns
	// how many of them it consumed. The others come again: in front of the next
	// ones to arrive, on [Conn.Resume], or when output has drained that had made
	// reading pause. p is valid until Data returns, and may be changed in place;
	// what is left of it comes back as it was changed.
	// Default: consume everything.
	Data func(c *Conn, p []byte) (n int)

	// End is called when the peer has sent all it will (FIN). Output still
	// reaches a peer that only shut down its sending side.
	// Default: [Conn.Close].
	End func(c *Conn)

	// Drain is called when the output has fallen from High to Low.
	Drain func(c *Conn)

	// Timeout is called when the time of [Conn.SetTimeout], [Conn.SetReadTimeout]
	// or [Conn.SetDeadline] is over. Default: close the connection with [os.ErrDeadlineExceeded].
	Timeout func(c *Conn)

	// Quiesce is called when the program of which the connection is a part stops
	// in order, as by server.Server.Shutdown: say goodbye, and close when that
	// suits. Package conn itself never calls it.
	Quiesce func(c *Conn)

	// Close is the last call that a connection gets, exactly once, also when
	// Open never came. err says why:
	//
	//   - nil: after a Close of ours whose output was all taken by the kernel,
	//     and after Detach
	//   - io.EOF: the peer had ended first
	//   - io.ErrUnexpectedEOF, wrapped: it did so without TLS's close_notify
	//   - os.ErrDeadlineExceeded, perhaps wrapped: a timeout
	//   - ErrBacklog, ErrHold, ErrMemory: that limit
	//   - net.ErrClosed: after Abort
	//   - an os.SyscallError with the errno of the operation that failed
	//   - the cause of Run's context, when the loop ended
	//   - a *[net.OpError] of a dial that came to nothing
	//   - a *[HandshakeError] with one of these, or crypto/tls's, in it
	//   - anything else: a handler's panic
	Close func(c *Conn, err error)

	// TLS, if set, has the connections encrypted.
	TLS *TLS

	// High and Low are the marks of the output, in bytes: at High Full is true
	// and reading pauses, until the output has fallen to Low. Writing while Max
	// is exceeded aborts the connection with ErrBacklog. A negative Low means 0.
	// Defaults: 64 KiB, a quarter of High, 16 MiB.
	High, Low, Max int

	// ReadOn keeps reading while the output is at High. It is for protocols
	// whose output does not come of their input: else a peer that sends, and
	// does not read, makes us hold up to Max. Connections of [Loop.Dial], which
	// may get an early answer to an upload, and those that [Conn.Pipe] to
	// another sink read on without it; a connection that pipes to itself never does.
	ReadOn bool

	// Hold is how many bytes Data may leave unconsumed, without pausing, before
	// the connection is closed with ErrHold. Default: 64 KiB.
	Hold int

	// Stall bounds how long pending output may make no progress before the
	// connection is closed with os.ErrDeadlineExceeded. A peer that takes 64 KiB
	// in that time, 2 KiB/s by default, is never cut off. The kernel shows
	// progress in steps, as large as the peer's window or buffer lets them be; so
	// one that takes nothing is closed after four times Stall, and one that has
	// grown a buffer of megabytes, and then slows down, is safe from 16 KiB/s on.
	// Default: 30 seconds; negative: for ever.
	Stall time.Duration
}

// Limits of a Handler where it says nothing.
const (
	DefaultHigh  = 64 << 10
	DefaultLow   = DefaultHigh / 4
	DefaultMax   = 16 << 20
	DefaultHold  = 64 << 10
	DefaultStall = 30 * time.Second
)

// Errors that close a connection which went over a limit of its [Handler].
var (
	ErrBacklog = errors.New("conn: more output pending than Handler.Max allows: the peer does not read, wait for OnDrain when Full")
	ErrHold    = errors.New("conn: Data left more input than Handler.Hold allows: consume it, or Pause")
)

// defaults is what a nil Handler means.
var defaults Handler

func (h *Handler) high() int { return orDefault(h.High, DefaultHigh) }
func (h *Handler) low() int  { return max(min(cmp.Or(h.Low, h.high()/4), h.high()-1), 0) }
func (h *Handler) max() int  { return orDefault(h.Max, DefaultMax) }
func (h *Handler) hold() int { return orDefault(h.Hold, DefaultHold) }

// stall is Stall in ticks of the wheel, 0 for none.
func (h *Handler) stall() uint32 {
	switch {
	case h.Stall < 0:
		return 0
	case h.Stall == 0:
		return ticks(DefaultStall)
	}
	return ticks(h.Stall)
}

// orDefault is a limit: 0 means the default, a negative number none.
func orDefault(n, def int) int {
	switch {
	case n > 0:
		return n
	case n < 0:
		return math.MaxInt
	}
	return def
}
