// Records: opening those that are read and sealing what is written, on the loop and in
// buffers of the loop.

package conn

import "io"

const (
	// unsealSize has room for all that one read can bring: what the loop reads at
	// once, and the part of a record that the tls.Conn has held; at the end of a
	// handshake, a flight more.
	unsealSize = readSize + flightSize + 24<<10

	// sealSize is how much is sealed before it is sent.
	sealSize = 128 << 10
)

// seal holds a loop's buffers for TLS.
type seal struct {
	in    []byte // where input is unsealed
	cork  []byte // what owner has written in the running callback, to make few and large records of it
	owner *Conn
}

// unseal decrypts p, and hands over the result.
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
		t.kept.follow(p)
	}
	buf := l.seal.in
	n, err := 0, error(nil)
	for err == nil && n < len(buf) {
		var m int
		m, err = t.tls.Read(buf[n:])
		n += m
	}
	t.raw = nil
	t.kept.mute += len(p)
	if n > 0 {
		t.kept.mute = 0
	}
	if t.holds() > 0 {
		c.account()
	}
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

// receive hands over input, as fill does, but from another buffer than fill's.
func (c *Conn) receive(p []byte) {
	switch {
	case c.in != nil:
		c.keep(p)
		if c.reads() {
			c.deliverHeld()
		}
	case !c.reads():
		c.hold(p) // Open has paused reading, or has written much
	default:
		if used := c.deliver(p); used < len(p) && !c.is(closing|closed) {
			c.hold(p[used:])
		}
	}
	poison(p)
}

// cutOff handles a FIN that came without a close_notify (RFC 8446 6.1).
func (c *Conn) cutOff() {
	if c.sec == shaking {
		c.failHandshake(io.ErrUnexpectedEOF)
	} else {
		c.fail(errCutOff)
	}
}

// putSealed is put for encrypted output. The writes of a callback are collected in
// plain text, to be sealed together: a full buffer makes two records of the largest
// size. A large p is copied there too: what is given to crypto/tls escapes to the heap,
// and without the copy so would every slice that a program gives to Write.
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
		if c.out != nil && len(c.out.B)-int(c.outOff) >= sealSize {
			c.send()
		}
	}
}

// corkedSealed returns how many bytes of c are collected in the cork.
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

// sealNow makes records of p, and output of them.
func (c *Conn) sealNow(p []byte) {
	if _, err := c.more.tls.tls.Write(p); err != nil {
		c.fail(err)
	}
}

// record adds output that is sealed already. It goes before what is queued, which is
// still to be sealed.
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

// sendSealed seals what was collected, and sends it; close_notify follows the last of
// it.
func (c *Conn) sendSealed() {
	if c.is(closed) {
		return
	}
	c.uncorkSealed()
	c.bye()
	c.send()
	if c.bye() { // now that the queue is empty
		c.send()
	}
}

// bye appends close_notify to the output, if it is due, and reports whether it did.
func (c *Conn) bye() bool {
	if !c.is(closing|shut) || c.sec != sealed || c.queued() || c.is(closed) {
		return false
	}
	t := c.more.tls
	if t.bye {
		return false
	}
	t.bye = true
	t.tls.CloseWrite() // it fails after an alert of ours, which has ended the output already
	return true
}
