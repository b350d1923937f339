// Input: makes messages from frames, and acts on control frames.

package ws

import (
	"encoding/binary"
	"io"
)

// mostFrames is how many frames of one read are handled, if they do not take too long:
// then the loop's other connections have their turn.
const mostFrames = 256

// data consumes input as far as it can be handled now.
func (c *Conn) data(p []byte) (n int) {
	c.heard = c.clock()
	if c.is(pinged) && !c.is(closeSent) {
		c.clear(pinged)
		c.watch() // the deadline is that of the answer
	}
	for frames := 0; n < len(p); frames++ {
		switch {
		case c.is(lingering):
			return len(p)
		case c.is(yielded) || c.waits():
			return n // what is left comes again by Resume, or when the output has drained
		case frames == mostFrames || frames > 0 && c.conn.Loop().Late():
			c.yield()
			return n
		}
		piece, used, err := c.parser.Parse(p[n:])
		n += used
		if err != nil {
			c.fail(err.(Error))
			return len(p)
		}
		c.take(piece)
	}
	return n
}

// waits reports whether input waits for Resume, or for the peer to read. A client does
// not wait for the peer: two peers that wait for each other would do so for ever. Nor does
// a side that has closed, because it answers nothing any more.
func (c *Conn) waits() bool {
	return c.is(paused) || c.conn.Full() && !c.is(asClient|closeSent)
}

// yield lets the rest of the input wait for another turn.
func (c *Conn) yield() {
	if !c.is(yielded) {
		c.set(yielded)
		c.conn.Pause()
		c.conn.Post(c.resume)
	}
}

// resume goes on after yield.
func (c *Conn) resume() {
	c.clear(yielded)
	if c.inflating() {
		if c.waits() {
			return // Resume or drained goes on
		}
		c.inflateMore()
	}
	c.unpause()
}

// take handles a piece of input.
func (c *Conn) take(p Piece) {
	switch {
	case p.Op == 0:
	case p.Op.Control():
		c.control(p)
	case c.is(closeSent): // the program has closed, and gets no more messages
	case c.grows(p):
		c.fail(ErrTooBig)
	case p.Compressed():
		if c.collect(p); p.Last() {
			c.beginInflate(p.Op)
		}
	case c.h.Stream != nil:
		if len(p.Data) > 0 || p.Last() {
			c.h.Stream(c, p.Op, p.Data, p.Last())
		}
	case p.First() && p.Last():
		if c.h.Message != nil {
			c.h.Message(c, p.Op, p.Data)
		}
	default:
		if c.collect(p); p.Last() {
			c.deliver(p.Op)
		}
	}
}

// grows reports whether the message is going to be too big, by what the frame's
// head says or what has come.
func (c *Conn) grows(p Piece) bool {
	limit, size := c.h.limit(), uint64(len(p.Data))+p.Left
	if p.Compressed() {
		limit += limit>>10 + 64 // compressing may add some bytes; what comes out has the limit itself
	}
	switch {
	case size > limit:
		return true
	case c.msg != nil:
		return size > limit-uint64(len(c.msg.B))
	case c.h.Stream == nil || c.h.MaxMessage <= 0 || p.Compressed():
		return false
	}
	x := c.extra()
	if p.First() {
		x.size = 0
	}
	x.size += uint64(len(p.Data))
	return x.size > limit || p.Left > limit-x.size
}

// control handles a piece of a control frame.
func (c *Conn) control(p Piece) {
	data := p.Data
	if !p.First() || !p.Last() {
		x := c.extra()
		x.control = append(x.control, data...)
		if !p.Last() {
			return
		}
		data = x.control
		x.control = nil
	}
	switch p.Op {
	case Ping:
		if !c.is(closeSent) { // nothing may follow our close frame (RFC 6455 5.5.1)
			c.write(byte(Pong)|finBit, data)
		}
	case Pong:
		if c.h.Pong != nil && !c.is(closeSent) {
			c.h.Pong(c, data)
		}
	case Close:
		c.peerClosed(data)
	}
}

// peerClosed handles the peer's close frame (RFC 6455 5.5.1).
func (c *Conn) peerClosed(payload []byte) {
	how := &c.extra().close
	how.Code = NoCode
	if len(payload) >= 2 {
		how.Code, how.Reason = Code(binary.BigEndian.Uint16(payload)), string(payload[2:])
	}
	c.set(closeRead)
	if !c.is(closeSent) {
		c.sendClose(how.Code, "")
	}
	c.linger()
}

// end handles the peer's FIN.
func (c *Conn) end() {
	if !c.is(closeRead | lingering) {
		if how := &c.extra().close; how.Err == nil {
			how.Code, how.Err = Abnormal, io.ErrUnexpectedEOF
			if c.msg == nil && c.parser.idle() {
				how.Err = io.EOF
			}
		}
	}
	c.leaveHubs()
	c.set(closeSent)
	c.conn.Close()
}
