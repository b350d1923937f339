// Pipe: what comes in on a connection goes to a sink, no faster than the sink
// takes it.

package conn

import "io"

// A Sink takes bytes and says when it has enough of them: a [Conn], or the
// answer of an HTTP exchange. Close means that all has been written. A sink
// whose Abort() error method exists has it called when its source fails
// instead, so that what was cut off does not pass for complete.
type Sink interface {
	io.Writer
	Full() bool        // stop writing until OnDrain
	OnDrain(fn func()) // call fn once there is room, or never will be
	Close() error
}

// Pipe sends what comes in on c to dst, input that waits included. While dst is
// full, c is not read. When the peer ends, a dst that is a connection has its
// sending side shut and any other is closed; c itself closes once both its sides
// have ended. dst may be c: an echo. Two connections that pipe to each other
// are a proxy. A dst that is a connection has to be on c's loop.
//
// Handler.Data is not called any more; Handler.End is, once dst knows.
func (c *Conn) Pipe(dst Sink) {
	if d, ok := dst.(*Conn); ok && d.loop != c.loop {
		panic("conn: Pipe to a connection of another loop: see the one goroutine rule")
	}
	if c.is(closed) {
		return
	}
	c.extra().pipe = dst
	c.replay()
	if c.is(ended) {
		c.pourEnd()
	}
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
	if err != nil {
		c.Abort() // nobody takes it any more
		return
	}
	if dst != Sink(c) && dst.Full() { // c itself is choked already
		c.set(piped)
		c.touch()
		dst.OnDrain(c.unpause)
	}
}

func (c *Conn) unpause() {
	c.clear(piped)
	c.replay()
	c.touch()
}

// forward is Write without the wait for the callback's end: nothing more is
// going to be written in it.
func (c *Conn) forward(p []byte) error {
	if err := c.writable(); err != nil {
		return err
	}
	if c.sendNow(p) {
		return nil
	}
	_, err := c.Write(p)
	return err
}

// pourEnd tells the sink that this was all.
func (c *Conn) pourEnd() {
	switch dst := c.more.pipe.(type) {
	case *Conn:
		dst.CloseWrite()
	default:
		dst.Close()
	}
	if c.h.End != nil {
		c.h.End(c)
	}
}

// unpipe tells the sink of c, which has ended with err.
func (x *extra) unpipe(c *Conn, err error) {
	if x.pipe == nil || x.pipe == Sink(c) {
		return
	}
	cut := err != nil && err != io.EOF
	switch dst := x.pipe.(type) {
	case *Conn:
		if cut {
			dst.Abort()
		} else {
			dst.CloseWrite()
		}
	case interface{ Abort() error }:
		if cut {
			dst.Abort()
		}
	default:
		if !c.is(ended) {
			dst.Close()
		}
	}
}
