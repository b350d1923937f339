// How a connection ends: one table of what happens, in which state, and what is
// done about it.
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
// Before it is open, while it is dialled or shakes hands, Close ends it at once.
// The peer's FIN is noted in peerEnded, and passed on in tellEnd when what came
// before it has been taken; until then endDue keeps the connection.

package conn

import (
	"net"
	"os"
	"syscall"
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
	waits        // for the output to be out
	sendFIN      // and look again
	finish       // closed, in order
	cancel       // closed, and never was open
	reset        // closed, and the peer sees it
)

// next is the table. It is pure: nothing is done here.
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

// step carries out what the table says.
func (c *Conn) step(m move) error {
	var d deed
	c.flags, d = c.flags.next(m, c.is(connecting) || c.sec == shaking)
	switch d {
	case refuse:
		return net.ErrClosed
	case waits:
		c.touch()
	case sendFIN:
		if err := shutdownWrite(int(c.fd)); err != nil && err != syscall.ENOTCONN { // the peer is gone: reading will tell
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
