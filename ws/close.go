// Closing: the close handshake, failures, silence, and the last callback.

package ws

import (
	"cmp"
	"math"
	"net"
	"os"
	"time"
)

// lingerTime is how long input is discarded after the end of our output. Closing a
// connection with unread input resets it, and a reset makes the peer lose what it has
// not read: our close frame.
const lingerTime = 2 * time.Second

// Close begins the close handshake. It sends a close frame after what has been written,
// with the code, unless that is NoCode, and with the reason, which is cut after 123
// bytes. Messages that come from now on are discarded. The peer has
// Handler.CloseTimeout to send its close frame. Then the server closes the connection
// (RFC 6455 7.1.1), and Handler.Close is called. The error is [ErrCode] for a code that
// no close frame may hold, [ErrReason] for a reason that is not UTF-8, and net.ErrClosed
// if the connection is closing already.
func (c *Conn) Close(code Code, reason string) error {
	switch {
	case c.is(closeSent):
		return net.ErrClosed
	case code != NoCode && !code.Sendable():
		return ErrCode
	case validText(utf8Whole, []byte(reason)) != utf8Whole:
		return ErrReason
	}
	c.sendClose(code, reason)
	if c.is(paused) {
		c.Resume()
	}
	c.conn.SetDeadline(c.h.closeTimeout())
	return nil
}

// Abort ends the connection at once, by a reset. Output that has not been sent is lost.
func (c *Conn) Abort() error {
	c.set(closeSent)
	c.leaveHubs()
	return c.conn.Abort()
}

// sendClose sends our close frame. From now on input causes no output, so it is read
// however much of that waits: the peer may not read before we have read what it writes.
func (c *Conn) sendClose(code Code, reason string) {
	var room [125]byte
	c.write(byte(Close)|finBit, AppendClosePayload(room[:0], code, reason))
	c.set(closeSent)
	c.conn.SetHandler(&c.h.leaving)
	c.leaveHubs()
	c.dropInput()
}

// dropInput releases a message that will not be delivered.
func (c *Conn) dropInput() {
	if c.inflating() {
		c.endInflate()
		c.unpause() // what follows may come
	}
	c.dropMessage()
}

// fail fails the connection because the peer broke a rule (RFC 6455 7.1.7).
func (c *Conn) fail(e Error) {
	c.extra().close = CloseError{Code: e.Code(), Err: e}
	if !c.is(closeSent) {
		c.sendClose(e.Code(), e.reason())
	}
	c.set(lingering)
	c.finish()
}

// linger follows the close frames of both sides. A client lets the server close the
// connection first, so that the server's side has to stay in TIME_WAIT.
func (c *Conn) linger() {
	c.set(lingering)
	if c.is(asClient) {
		c.conn.SetDeadline(c.h.closeTimeout())
		return
	}
	c.finish()
}

// finish ends our side, and waits for the peer to end its own.
func (c *Conn) finish() {
	c.dropInput()
	c.conn.CloseWrite()
	c.conn.SetDeadline(lingerTime)
	c.conn.Resume()
}

// closed is the last call that comes from package conn.
func (c *Conn) closed(err error) {
	c.set(closeSent)
	c.leaveHubs()
	c.endInflate()
	c.dropMessage()
	c.h.open.Add(-1)
	how := CloseError{Code: Abnormal, Err: err}
	if x := c.more; x != nil {
		if x.close.Code != 0 {
			how = x.close
		}
		c.more = nil
	}
	if how.Code == Abnormal {
		how.Err = cmp.Or(how.Err, net.ErrClosed)
	}
	if c.h.Close != nil {
		c.h.Close(c, &how)
	}
}

// clock returns the loop's time in milliseconds, which wraps.
func (c *Conn) clock() uint32 { return uint32(c.conn.Loop().Now().Sub(epoch) / time.Millisecond) }

// epoch is what clock counts from.
var epoch = time.Now()

// watch sets the deadline at which timeout looks at the peer's silence. Input only notes
// the time: the deadline moves when it has come.
func (c *Conn) watch() {
	ping, silence := c.h.pingAfter(), c.h.silence()
	next := time.Duration(math.MaxInt64)
	if silence > 0 {
		next = silence
	}
	if ping > 0 && !c.is(pinged) {
		next = min(next, ping)
	}
	if next == math.MaxInt64 {
		return
	}
	c.conn.SetDeadline(max(next-c.silent(), time.Millisecond))
}

// silent returns how long the peer has not been heard.
func (c *Conn) silent() time.Duration {
	return time.Duration(c.clock()-c.heard) * time.Millisecond
}

// timeout is called at the deadline, and finds out which limit that was.
func (c *Conn) timeout() {
	ping, silence := c.h.pingAfter(), c.h.silence()
	switch {
	case c.is(lingering):
		c.conn.Close()
	case c.is(closeSent) && !c.is(hurried) && (c.conn.Pending() > 0 || c.delivers()):
		c.conn.SetDeadline(c.h.closeTimeout()) // the frame is not out yet; Handler.Stall is the limit, or deliverLooks
	case c.is(closeSent):
		c.extra().close = CloseError{Code: Abnormal, Err: os.ErrDeadlineExceeded}
		c.conn.Abort()
	case c.is(paused|yielded) || c.conn.Full():
		c.heard = c.clock() // we have paused reading, so this is not the peer's silence
		c.watch()
	case silence > 0 && c.silent() >= silence:
		c.extra().close = CloseError{Code: Abnormal, Err: os.ErrDeadlineExceeded}
		c.Abort()
	default:
		if ping > 0 && !c.is(pinged) && c.silent() >= ping {
			c.set(pinged)
			c.write(byte(Ping)|finBit, nil)
		}
		c.watch()
	}
}

// deliverLooks is how many times CloseTimeout the peer may take nothing of what the kernel
// holds for it. The kernel shows progress in steps, of 64 KiB as a rule on the loopback
// device.
const deliverLooks = 4

// delivers reports whether the kernel still holds output, our close frame at least, for a
// peer that reads slowly: a reset would make it lose that.
func (c *Conn) delivers() bool {
	n := c.conn.Undelivered()
	if n == 0 {
		return false
	}
	x := c.extra()
	if x.looks++; x.undelivered == 0 || n < x.undelivered {
		x.undelivered, x.looks = n, 0
	}
	return x.looks < deliverLooks
}

// quiesce is called when the server shuts down.
func (c *Conn) quiesce() {
	switch {
	case c.is(closeSent):
	case c.h.Quiesce != nil:
		c.h.Quiesce(c)
	default:
		c.Close(GoingAway, "")
	}
}

// drained is called when the output has fallen to Handler.Low.
func (c *Conn) drained() {
	if c.inflating() && !c.is(paused|yielded) {
		c.yield() // resume had to wait
	}
	if c.h.Drain != nil && !c.is(closeSent) {
		c.h.Drain(c)
	}
}
