// Records: what the kernel has becomes input, what is written becomes records,
// both on the loop and in buffers of the loop.

package conn

import "io"

const (
	// unsealSize has room for all that one read can bring: what the loop reads
	// at once, and what lay with the tls.Conn of a record that was not whole. At
	// the end of a handshake that may be a flight more.
	unsealSize = readSize + flightSize + 24<<10

	// sealSize is how much is sealed before it is sent.
	sealSize = 128 << 10
)

// seal is what a loop needs for TLS, once it has any.
type seal struct {
	in    []byte // where input is unsealed
	cork  []byte // what owner has written in the running callback: few and large records
	owner *Conn
}

// unseal hands over what p is once it is decrypted.
func (c *Conn) unseal(p []byte) {
	if c.is(closing | closed) {
		return
	}
	l, t := c.loop, c.more.tls
	if l.seal.in == nil {
		l.seal.in = make([]byte, unsealSize)
	}
	if p != nil {
		t.raw = p
	}
	buf := l.seal.in
	n, err := 0, error(nil)
	for err == nil && n < len(buf) {
		var m int
		m, err = t.tls.Read(buf[n:])
		n += m
	}
	t.raw = nil
	if n > 0 {
		c.receive(fresh(buf[:n]))
	}
	switch {
	case err == nil || err == errAgain || c.is(closing|closed):
	case err == io.EOF: // close_notify
		c.peerEnded()
	default:
		c.send() // an alert
		c.fail(err)
	}
}

// receive is what fill does with input, in another buffer than fill's.
func (c *Conn) receive(p []byte) {
	switch {
	case c.in != nil:
		c.keep(p)
		if c.reads() {
			c.deliverHeld()
		}
	case !c.reads():
		c.hold(p) // Open has paused, or written much
	default:
		if used := c.deliver(p); used < len(p) && !c.is(closing|closed) {
			c.hold(p[used:])
		}
	}
	poison(p)
}

// cutOff is the peer's FIN, in place of a close_notify (RFC 8446 6.1).
func (c *Conn) cutOff() {
	if c.sec == shaking {
		c.failHandshake(io.ErrUnexpectedEOF)
	} else {
		c.fail(errCutOff)
	}
}

// putSealed is put, where output is records. The writes of a callback are
// collected as they are, to be sealed together: a buffer full of them makes two
// records of the largest size. Also what is written in one piece is copied there,
// for what is given to crypto/tls escapes, and then so would every slice that a
// program gives to Write.
func (c *Conn) putSealed(p []byte) {
	if len(p) == 0 {
		return
	}
	c.touch()
	s := &c.loop.seal
	switch {
	case c.sec == shaking || c.queued():
		b := c.more.tail()
		*b = append(*b, p...)
		return
	case s.owner != nil && s.owner != c:
		s.owner.uncorkSealed()
	}
	for len(p) > 0 {
		n := min(len(p), corkSize-len(s.cork))
		s.owner, s.cork = c, append(s.cork, p[:n]...)
		if p = p[n:]; len(s.cork) < corkSize {
			return
		}
		if c.uncorkSealed(); c.is(closed) {
			return
		}
		if c.out != nil && len(c.out.B)-c.outOff >= sealSize {
			c.send()
		}
	}
}

// corkedSealed is how many bytes of c are collected.
func (c *Conn) corkedSealed() int {
	if s := &c.loop.seal; s.owner == c {
		return len(s.cork)
	}
	return 0
}

// uncorkSealed seals what c has collected.
func (c *Conn) uncorkSealed() {
	s := &c.loop.seal
	if s.owner == c {
		c.sealNow(s.cork)
		c.dropCork()
	}
}

func (c *Conn) dropCork() {
	if s := &c.loop.seal; s.owner == c {
		poison(s.cork)
		s.owner, s.cork = nil, s.cork[:0]
	}
}

// sealNow makes records of p, which are output from then on.
func (c *Conn) sealNow(p []byte) {
	if _, err := c.more.tls.tls.Write(p); err != nil {
		c.fail(err)
	}
}

// record is output that is not to be sealed: it goes in front of what is queued,
// which is.
func (c *Conn) record(p []byte) {
	if len(p) > 0 {
		b := c.front(len(p))
		*b = append(*b, p...)
		c.touch()
	}
}

// sealQueued seals a part of what is queued.
func (c *Conn) sealQueued() {
	x := c.more
	s := &x.queue[0]
	switch {
	case s.buf != nil:
		p := s.buf.B[s.off:]
		p = p[:min(len(p), sealSize)]
		s.off += int64(len(p))
		c.sealNow(p)
		if s.off == int64(len(s.buf.B)) {
			x.dropFirst()
		}
	case s.n == 0:
		x.dropFirst()
	default:
		if c.readFile(s); c.out != nil {
			b := c.out
			c.out = nil
			c.sealNow(b.B)
			putBuffer(b)
		}
	}
}

// sendSealed is send, and seals first what was collected; behind the last of it
// goes the close_notify.
func (c *Conn) sendSealed() {
	if c.is(closed) {
		return
	}
	c.uncorkSealed()
	c.bye()
	c.send()
	if c.bye() { // there was a queue before it
		c.send()
	}
}

// bye makes close_notify the end of the output, if it is due.
func (c *Conn) bye() bool {
	if !c.is(closing|shut) || c.sec != sealed || c.queued() || c.is(closed) {
		return false
	}
	t := c.more.tls
	if t.bye {
		return false
	}
	t.bye = true
	t.tls.CloseWrite() // it fails after an alert of ours: that was the end then
	return true
}
