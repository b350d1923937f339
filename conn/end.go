// The end of a connection: asked for by Close, CloseWrite or Abort, or brought
// about by what failed, as the table in life.go has it. All of them come to end,
// which makes the last call.

package conn

import (
	"cmp"
	"io"
	"math"
	"net"
	"os"
	"time"

	"github.com/lurcher-net/lurcher/poller"
)

// CloseWrite ends our side: once the output is out, the peer reads an end of
// file. Input still comes; when the peer has ended too, the connection closes.
func (c *Conn) CloseWrite() error {
	c.own("CloseWrite")
	return c.step(byCloseWrite)
}

// Close ends the connection once its output is out, or has stalled for too
// long. Nothing more is read, and the methods return net.ErrClosed from now on. A
// peer that still sends is reset by the kernel, which may cost it the last of the
// output: to a peer that may be sending, CloseWrite is the way, and Close at its End.
func (c *Conn) Close() error {
	c.own("Close")
	c.timeout, c.deadline, c.silence, c.unheard = 0, 0, 0, 0
	return c.step(byClose)
}

// Abort ends the connection at once: pending output is dropped, and the peer
// sees a reset. Unix sockets have none: there it sees an end, unless ResetOnError was
// called.
func (c *Conn) Abort() error {
	c.own("Abort")
	return c.step(byAbort)
}

// ResetOnError has the peer see a reset if the connection ends from now on by an
// error, or a panic, and not by Close: for output of which nothing but its end says
// that it was all, so that a part of it must not pass for the whole. A Unix socket
// cannot be reset: its peer then sees no end at all, until it gives up itself or a
// minute has passed.
func (c *Conn) ResetOnError() {
	c.own("ResetOnError")
	c.extra().abrupt = true
}

// drop is fail, and has the kernel drop what it holds for the peer too.
func (c *Conn) drop(err error) {
	if c.fd >= 0 {
		resetOnClose(int(c.fd))
	}
	c.fail(err)
}

// fail ends the connection with err; nil: in order. Close is called when the
// callback that is running has returned.
func (c *Conn) fail(err error) {
	if c.is(closed) {
		return
	}
	c.set(closed)
	if _, ok := err.(*os.SyscallError); ok && c.sec == shaking {
		err = c.handshakeError(err)
	}
	if err != nil {
		c.extra().err = err
		if c.more.abrupt && c.fd >= 0 {
			resetOnClose(int(c.fd))
		}
	}
	if !c.is(dirty) {
		c.set(dirty)
		c.loop.unsettled.push(c)
	}
}

// end gives back all that c holds and makes the last call.
func (c *Conn) end() {
	l := c.loop
	l.running = c
	unsent := c.Unsent()
	c.set(over)
	l.wheel.remove(c.slot)
	l.slots.release(c.slot)
	l.stats.Open--
	c.unchoke()
	if c.fd >= 0 {
		// Its errors would be news of a descriptor that is about to go.
		l.poll.Del(int(c.fd))
		if !c.lingersMute() {
			l.fds = append(l.fds, int(c.fd))
		}
		c.fd = -1
	}
	c.dropInput()
	c.dropOutput()
	if c.holds != 0 {
		c.account()
	}
	c.burst = uint32(min(unsent, math.MaxUint32))
	if c.sec == shaking {
		c.endHandshake(false)
	}
	var err error
	if c.is(ended) {
		err = io.EOF // nearly all end so: no extra is made to hold it
	}
	x := c.more
	if x == nil {
		c.lastCall(err)
		return
	}
	c.more = nil
	for _, fn := range x.waiting {
		c.Post(fn) // it waits for room; there will be none, as its next Write finds out
	}
	if x.dial != nil {
		x.dial.release()
	}
	defer c.lastCall(cmp.Or(x.err, err)) // even if the sink panics
	x.unpipe(c)
}

func (c *Conn) lastCall(err error) {
	if c.h.Close != nil {
		c.h.Close(c, err)
	}
}

// stop is what the loop calls, as an owner of a slot, when it ends.
func (c *Conn) stop(cause error) { c.fail(cause) }

// muteTime is how long the peer of a Unix socket is left without an end of what
// was cut off.
const muteTime = time.Minute

// mute is the protocol of those sockets.
var mute = Handler{
	End:     func(*Conn) {}, // perhaps it reads on: a peer that is gone is a hangup
	Timeout: func(c *Conn) { c.Close() },
}

// lingersMute has the descriptor of a connection that should be reset, and cannot
// be, go on as one on which nothing more is said.
func (c *Conn) lingersMute() bool {
	l := c.loop
	if x := c.more; x == nil || !x.abrupt || x.err == nil || l.ending {
		return false
	}
	if _, unix := c.LocalAddr().(*net.UnixAddr); !unix {
		return false
	}
	m := l.newConn(int(c.fd), &mute, 0)
	if err := m.watch(poller.Read); err != nil {
		m.fd = -1
		m.fail(err)
		return false
	}
	m.SetDeadline(muteTime)
	return true
}
