// How a connection ends: one table says what is done about each event in each
// state.
//
//	what happens     open      shut                closing           closed
//	Close            closing   closing             ErrClosed         ErrClosed
//	CloseWrite       shut      ErrClosed           ErrClosed         ErrClosed
//	Abort            reset     reset               reset             ErrClosed
//	an error         closed    closed              closed            -
//	output is out    -         FIN; closed if the  FIN if it is      -
//	                           peer has ended      awaited; closed
//	peer's FIN       ended     ended               (nothing is read) -
//
// Before it is open, while it is dialled or the handshake runs, Close ends it at
// once. Conn.peerEnded notes the peer's FIN, and Conn.tellEnd passes it on once the
// input before it has been taken; until then endDue keeps the connection open.

package conn

import (
	"net"
	"os"

	"github.com/lurcher-net/lurcher/internal/sys"
)

// A move is what happens to a connection that may end it.
type move uint8

const (
	byClose move = iota
	byCloseWrite
	byAbort
	outputOut // all that was written is with the kernel
)

// A deed is what is done about it.
type deed uint8

const (
	nothing deed = iota
	refuse       // net.ErrClosed
	waits        // wait until the output is out
	sendFIN      // send FIN, and consult the table again
	finish       // close in order
	cancel       // close a connection that never was open
	reset        // close by a reset
)

// next is the table. It is a pure function: step acts on what it returns.
func (f flags) next(m move, unborn bool) (flags, deed) {
	switch {
	case f&closed != 0 && m == outputOut:
		return f, nothing
	case f&closed != 0:
		return f, refuse
	case m == byAbort:
		return f, reset
	case m == byClose && f&closing != 0, m == byCloseWrite && f&(closing|shut) != 0:
		return f, refuse
	case m == byClose && unborn:
		return f | closing, cancel
	case m == byClose:
		return f | closing, waits
	case m == byCloseWrite:
		return f | shut, waits
	// The output is out.
	case f&(held|shut) != 0 && f&shutDone == 0:
		return f | shutDone, sendFIN
	case f&closing != 0:
		return f, finish
	case f&(shutDone|ended|endDue) == shutDone|ended:
		return f, finish
	}
	return f, nothing
}

// step does what the table says about m.
func (c *Conn) step(m move) error {
	var d deed
	c.flags, d = c.flags.next(m, c.is(connecting) || c.sec == shaking)
	switch d {
	case refuse:
		return net.ErrClosed
	case waits:
		c.touch()
	case sendFIN:
		if err := shutdownWrite(int(c.fd)); err != nil && err != sys.ENOTCONN { // ENOTCONN: the peer is gone, as the next read will show
			c.fail(os.NewSyscallError("shutdown", err))
			return nil
		}
		return c.step(m)
	case finish:
		c.fail(nil)
	case cancel:
		c.fail(net.ErrClosed)
	case reset:
		c.drop(net.ErrClosed)
	}
	return nil
}
