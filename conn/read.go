// Input: from the kernel into the loop's one buffer, to Data, and into a
// buffer of its own only what Data leaves.

package conn

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"syscall"
)

// fill reads once: the poller says so if there is more.
func (c *Conn) fill() {
	l := c.loop
	buf := l.in
	if c.sec == shaking {
		buf = buf[:flightSize]
	}
	l.called()
	n, errno := read(int(c.fd), buf)
	switch {
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
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

// Quiet reports whether the peer has said nothing that was not read yet: no
// byte, no FIN, no reset. It asks the kernel, for a client that is about to use
// an idle connection again, which may be dead by now, or hold what nobody asked for.
// Within Data, what that was given does not count.
func (c *Conn) Quiet() bool {
	c.own("Quiet")
	if c.is(connecting|opening|ended|closing|closed|deaf) || c.in != nil && c.loop.delivering != c || c.sec == shaking {
		return false
	}
	return peek(int(c.fd)) == syscall.EAGAIN
}

// Held returns the input that Data has left, and that will come again. It is good
// until the callback that is running returns, and not to be changed.
func (c *Conn) Held() []byte {
	c.own("Held")
	if c.in == nil {
		return nil
	}
	return c.in.B[c.inOff:]
}

// hold keeps p until there is more, or Resume.
func (c *Conn) hold(p []byte) {
	c.in, c.inOff = getBuffer(len(p)), 0
	c.in.B = append(c.in.B, p...)
	c.account()
}

// keep is hold, behind what is held already: in one piece, and as much as came.
func (c *Conn) keep(p []byte) {
	b := c.in.B
	if off := int(c.inOff); off > len(b)/2 && len(b)+len(p) > cap(b) {
		b = append(b[:0], b[off:]...)
		c.inOff = 0
	}
	c.in.B = append(b, p...)
	c.account()
}

// deliver hands p to whoever takes the input, and answers how much was taken.
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
	lent := fresh(p)
	n := c.deliver(lent)
	if debugging {
		copy(p, lent) // it may have been changed
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
		putBuffer(c.in)
		c.in, c.inOff = nil, 0
		c.account()
	}
}

// replay has held input handed over again, and the peer's end after it, if
// there is any: or if there may be some when the running Data returns.
func (c *Conn) replay() {
	if c.in != nil || c.is(endDue) || c.loop.delivering == c {
		c.later()
	}
}

// peerEnded is the peer's FIN.
func (c *Conn) peerEnded() {
	c.set(ended | endDue)
	c.touch()
	c.tellEnd()
}

// tellEnd passes on that the peer has ended, to whoever takes the input. A sink
// gets what is held first; a handler has seen it.
func (c *Conn) tellEnd() {
	switch {
	case !c.is(endDue) || c.holdsOff():
		return // replay comes back to it
	case c.in != nil && c.is(deferred):
		return // again tells it, behind what is held
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
