// Input: from the kernel into the loop's one buffer, and from there to Data. Only what
// Data leaves goes to a buffer of the connection's own.

package conn

import (
	"fmt"
	"os"
	"reflect"
	"runtime"

	"github.com/lurcher-net/lurcher/internal/sys"
)

// fill reads once: if there is more, the poller reports it again.
func (c *Conn) fill() {
	l := c.loop
	buf := l.in
	if c.sec == shaking {
		buf = buf[:flightSize]
	}
	l.called()
	n, errno := read(int(c.fd), buf)
	switch {
	case errno == sys.EAGAIN || errno == sys.EINTR:
		return
	case c.is(deaf) && n <= 0 || errno != 0 && c.is(deaf):
		c.fail(c.more.err)
		return
	case errno != 0:
		c.fail(os.NewSyscallError("read", errno))
		return
	case n == 0 && c.sec != plain:
		c.cutOff()
		return
	case n == 0:
		c.peerEnded()
		return
	}
	l.stats.Reads++
	l.stats.BytesIn += uint64(n)
	c.extend()
	c.heard()
	switch c.sec {
	case shaking:
		c.handshakeInput(buf[:n])
		return
	case sealed:
		c.unseal(buf[:n])
		return
	}
	p := fresh(buf[:n])
	if c.in != nil {
		c.keep(p)
		c.deliverHeld()
	} else if used := c.deliver(p); used < n && !c.is(closing|closed) {
		c.hold(p[used:])
	}
	poison(p)
}

// Quiet reports whether there is nothing unread from the peer: no byte, no FIN, no
// reset. It asks the kernel. It is for a client that is about to use an idle
// connection again: the connection may be dead, or hold an answer that nobody asked
// for. Within Data, the bytes that it was given do not count.
func (c *Conn) Quiet() bool {
	c.own("Quiet")
	if c.is(connecting|opening|ended|closing|closed|deaf) || c.in != nil && c.loop.delivering != c || c.sec == shaking {
		return false
	}
	return peek(int(c.fd)) == sys.EAGAIN
}

// Held returns the input that Data has left, and that will come again. It is valid
// until the running callback returns, and must not be changed.
func (c *Conn) Held() []byte {
	c.own("Held")
	if c.in == nil {
		return nil
	}
	return c.in.B[c.inOff:]
}

// hold keeps p until there is more input, or Resume is called.
func (c *Conn) hold(p []byte) {
	c.in, c.inOff = getBuffer(len(p)), 0
	c.in.B = append(c.in.B, p...)
	c.account()
}

// keep appends p to what is held already, so that Data sees it in one piece.
func (c *Conn) keep(p []byte) {
	b := c.in.B
	if off := int(c.inOff); off > len(b)/2 && len(b)+len(p) > cap(b) {
		b = append(b[:0], b[off:]...)
		c.inOff = 0
	}
	c.in.B = append(b, p...)
	c.account()
}

// deliver hands p to the pipe or to Data, and returns how much was consumed.
func (c *Conn) deliver(p []byte) int {
	if c.more != nil && c.more.pipe != nil {
		c.pour(p)
		return len(p)
	}
	if c.h.Data == nil {
		return len(p)
	}
	c.loop.delivering = c
	h := c.h
	n := h.Data(c, p)
	c.loop.delivering = nil
	if n < 0 || n > len(p) {
		name := runtime.FuncForPC(reflect.ValueOf(h.Data).Pointer()).Name()
		panic(fmt.Sprintf("conn: Data (%s) answered that it consumed %d of %d bytes", name, n, len(p)))
	}
	if c.more != nil && c.more.detached != nil {
		c.more.detached.give(p[n:])
		return n
	}
	if left := len(p) - n; left > h.hold() && c.reads() && c.h == h { // a new handler has not seen it yet
		c.fail(ErrHold)
	}
	return n
}

// deliverHeld hands over the held input again.
func (c *Conn) deliverHeld() {
	p := c.in.B[c.inOff:]
	lent := p
	if len(p) <= readSize { // to copy much for each little that is consumed would take for ever
		lent = fresh(p)
	}
	n := c.deliver(lent)
	if debugging && len(p) <= readSize {
		copy(p, lent) // Data may have changed it
		poison(lent)
	}
	poison(p[:n])
	if n == len(p) {
		c.dropInput()
		return
	}
	c.inOff += uint32(n)
}

func (c *Conn) dropInput() {
	if c.in != nil {
		poison(c.in.B)
		c.loop.drop(c.in)
		c.in, c.inOff = nil, 0
		c.account()
	}
}

// replay arranges that held input is handed over again, and the peer's FIN after it.
// Within Data nothing is held yet, but may be when it returns.
func (c *Conn) replay() {
	if c.in != nil || c.is(endDue) || c.loop.delivering == c {
		c.later()
	}
}

// peerEnded handles the peer's FIN.
func (c *Conn) peerEnded() {
	c.set(ended | endDue)
	c.touch()
	c.tellEnd()
}

// tellEnd passes the peer's FIN on to the pipe's sink or to Handler.End. A sink gets
// the held input first; Data has seen it already.
func (c *Conn) tellEnd() {
	switch {
	case !c.is(endDue) || c.holdsOff():
		return // replay will call it again
	case c.in != nil && c.is(deferred):
		return // Conn.again will call it, after what is held
	case c.more != nil && c.more.pipe != nil:
		if c.in == nil {
			c.clear(endDue)
			c.pourEnd()
		}
	default:
		c.clear(endDue)
		if c.h.End != nil {
			c.h.End(c)
		} else {
			c.Close()
		}
	}
}
