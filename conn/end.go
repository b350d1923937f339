// The end of a connection: by Close, CloseWrite or Abort, or because something
// failed, by the table in life.go. All ways lead to Conn.end, which makes the last
// call.

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

// CloseWrite sends FIN once the output is out: the peer then reads an end of file.
// Input still comes; when the peer has sent its FIN too, the connection closes.
func (c *Conn) CloseWrite() error {
	c.own("CloseWrite")
	return c.step(byCloseWrite)
}

// Close ends the connection once its output is out, or has stalled for too
// long. Nothing more is read, and the methods return net.ErrClosed from now on. If
// the peer still sends, the kernel resets the connection, and the peer may lose the
// last of the output: to a peer that may be sending, call CloseWrite, and Close when
// Handler.End is called.
func (c *Conn) Close() error {
	c.own("Close")
	c.timeout, c.deadline, c.silence, c.unheard = 0, 0, 0, 0
	return c.step(byClose)
}

// Abort ends the connection at once: pending output is dropped, and the peer
// sees a reset. Unix sockets cannot be reset: there it sees an end of file, unless
// ResetOnError was called.
func (c *Conn) Abort() error {
	c.own("Abort")
	return c.step(byAbort)
}

// ResetOnError makes a connection that ends by an error or a panic, and not by
// Close, end with a reset. Use it when only the end of the connection marks the end
// of the data, so that truncation is visible. A Unix socket cannot be reset: its peer
// then sees no end at all, until it gives up or a minute has passed.
func (c *Conn) ResetOnError() {
	c.own("ResetOnError")
	c.extra().abrupt = true
}

// drop is fail, but the kernel drops what it holds for the peer too: a reset.
func (c *Conn) drop(err error) {
	if c.fd >= 0 {
		resetOnClose(int(c.fd))
	}
	c.fail(err)
}

// fail ends the connection: in order if err is nil, else with err as the reason.
// Handler.Close is called when the running callback has returned.
func (c *Conn) fail(err error) {
	if c.is(closed) {
		return
	}
	c.set(closed)
	c.loop.holders.move(c.holds, 0)
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
	if c.is(connecting) {
		c.dial().release()
	}
	l.slots.release(c.slot)
	l.stats.Open--
	c.unchoke()
	if c.fd >= 0 {
		// An error of Del does not matter: the descriptor is about to be closed.
		l.poll.Del(int(c.fd))
		if !c.lingersMute() {
			l.fds = append(l.fds, int(c.fd))
		}
		c.fd = -1
	}
	c.dropInput()
	c.dropOutput()
	c.release()
	c.burst = uint32(min(unsent, math.MaxInt32))
	if c.sec == shaking {
		c.endHandshake(false)
	}
	var err error
	if c.is(ended) {
		err = io.EOF // nearly all end like this, so it needs no extra to hold it
	}
	x := c.more
	if x == nil {
		c.lastCall(err)
		return
	}
	c.more = nil
	for _, fn := range x.waiting {
		c.Post(fn) // it waits for room that will never come: its next Write returns net.ErrClosed
	}
	defer c.lastCall(cmp.Or(x.err, err)) // even if the sink panics
	x.unpipe(c)
}

func (c *Conn) lastCall(err error) {
	if c.h.Close != nil {
		c.h.Close(c, err)
	}
}

// stop is part of owner: the loop has ended.
func (c *Conn) stop(cause error) { c.fail(cause) }

// muteTime is how long a Unix socket stays open after an error, so that its peer sees
// no end of file after a truncated output.
const muteTime = time.Minute

// mute is the Handler of those sockets.
var mute = Handler{
	End:     func(*Conn) {}, // perhaps it still reads; a peer that is gone shows as a hangup
	Timeout: func(c *Conn) { c.Close() },
}

// lingersMute keeps the descriptor of a connection that should be reset and cannot
// be: it becomes a connection of its own, on which nothing more is sent. It reports
// whether it did.
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
