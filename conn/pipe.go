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
		c.Close() // nobody takes it any more, but ours is complete: let the peer have it
		return
	default:
		c.Abort()
		return
	}
	if dst != Sink(c) && dst.Full() { // a choked c holds off anyway
		c.set(piped)
		c.touch()
		dst.OnDrain(c.unpause)
	}
}

// unpause goes on reading: the sink has room again.
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
	if c.sec == plain && c.sendNow(p) {
		return nil
	}
	_, err := c.Write(p)
	return err
}

// pourEnd tells the sink that this was all.
func (c *Conn) pourEnd() {
	c.more.poured = true
	c.touch()
	endSink(c.more.pipe)
	if c.h.End != nil {
		c.h.End(c)
	}
}

// unpipe tells the sink of c, which is over, unless it knows already. A sink
// that was told of the peer's end keeps what it has: nothing was cut off.
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
