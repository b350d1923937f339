// Pipe: the input of a connection goes to a sink, no faster than the sink takes it.

package conn

import "io"

// A Sink takes bytes and reports when it has enough of them: a [Conn], or the
// answer of an HTTP exchange. Close means that all has been written. If the source
// fails, and the sink has a method Abort() error, Abort is called instead, so that
// truncated output does not pass for complete. To write no bytes is allowed: the error
// of a sink that has ended shows so, for which OnDrain may call nothing.
type Sink interface {
	io.Writer
	Full() bool        // stop writing until OnDrain
	OnDrain(fn func()) // call fn once there is room, or the sink ends
	Close() error
}

// Pipe sends the input of c to dst, held input included. While dst is full, c is not
// read. When the peer has sent its FIN, CloseWrite is called on a dst that is a
// connection, and Close on any other; c itself closes once both its sides have ended.
// dst may be c: an echo. A dst that is a connection has to be on c's loop.
//
// A dst that has ended shows when the next input comes: c is aborted then. Two
// connections that pipe to each other are a proxy: there c is aborted at once, also if
// dst is being dialled and the dial fails.
//
// Handler.Data is not called any more. Handler.End is, after dst was closed.
func (c *Conn) Pipe(dst Sink) {
	c.own("Pipe")
	if d, ok := dst.(*Conn); ok && d.loop != c.loop {
		panic("conn: Pipe to a connection of another loop: see the one goroutine rule")
	}
	if c.is(closing | closed) {
		return
	}
	x := c.extra()
	x.pipe, x.poured = dst, false
	c.clear(piped)
	if c.is(ended) {
		c.set(endDue)
	}
	c.replay()
	c.touch()
}

// pour gives p to the sink.
func (c *Conn) pour(p []byte) {
	dst := c.more.pipe
	var err error
	if d, ok := dst.(*Conn); ok {
		err = d.forward(p)
	} else {
		_, err = dst.Write(p)
	}
	switch {
	case err == nil:
	case c.is(shut):
		c.Close() // nobody takes the input any more, but our output is complete: send it first
		return
	default:
		c.Abort()
		return
	}
	if dst != Sink(c) && dst.Full() { // a c that pipes to itself is choked when full, and not read
		c.set(piped)
		c.touch()
		dst.OnDrain(c.unpause)
	}
}

// unpause resumes reading: the sink has room again.
func (c *Conn) unpause() {
	c.clear(piped)
	c.replay()
	c.touch()
}

// forward is Write, but sends at once: the callback will write nothing more that
// could join it.
func (c *Conn) forward(p []byte) error {
	if err := c.writable(); err != nil {
		return err
	}
	if c.sec == plain && c.sendNow(p) {
		return nil
	}
	_, err := c.Write(p)
	return err
}

// pourEnd ends the sink after the peer's FIN.
func (c *Conn) pourEnd() {
	c.more.poured = true
	c.touch()
	endSink(c.more.pipe)
	if c.h.End != nil {
		c.h.End(c)
	}
}

// unpipe tells c's sink that c has ended, unless it was told already. A sink that was
// told of the peer's FIN is left alone: nothing was cut off.
func (x *extra) unpipe(c *Conn) {
	if x.pipe == nil || x.poured || x.pipe == Sink(c) {
		return
	}
	if dst, ok := x.pipe.(interface{ Abort() error }); ok && x.err != nil {
		dst.Abort()
	} else {
		endSink(x.pipe)
	}
}

func endSink(dst Sink) {
	if d, ok := dst.(*Conn); ok {
		d.CloseWrite()
	} else {
		dst.Close()
	}
}
