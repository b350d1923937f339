// Output: messages become frames, which are built in the connection's output buffer.

package ws

import (
	"math/rand/v2"
	"unsafe"
)

// most is the size up to which a frame is copied into one piece. A larger payload is
// given to the kernel from where it is.
const most = 16 << 10

// Write sends a message, Text or Binary. It takes all of p, which is the caller's again
// on return. What is written during one callback is sent together. The error is
// [ErrUTF8] for text that is not UTF-8, which would make the peer end the connection;
// net.ErrClosed once either side closes the connection; and [conn.ErrBacklog] if more
// than Handler.Max would wait.
func (c *Conn) Write(op Op, p []byte) error {
	switch {
	case c.is(closeSent | fragmented):
		return c.unwritable()
	case op == Text:
		if validText(utf8Whole, p) != utf8Whole {
			return ErrUTF8
		}
	case op != Binary:
		return ErrOp
	}
	if c.window != 0 && len(p) >= c.h.Deflate.least() {
		return c.writeDeflated(op, p)
	}
	return c.write(byte(op)|finBit, p)
}

// WriteText is Write of a text message.
func (c *Conn) WriteText(s string) error {
	return c.Write(Text, unsafe.Slice(unsafe.StringData(s), len(s))) // Write only reads it
}

// WriteFragment sends a part of a message whose length need not be known. op is the
// message's op in every call, and last says that this part is the last one. No other
// message may be sent meanwhile. The caller must make sure that a text is UTF-8. The
// message is not compressed.
func (c *Conn) WriteFragment(op Op, p []byte, last bool) error {
	switch {
	case c.is(closeSent):
		return c.unwritable()
	case op != Text && op != Binary:
		return ErrOp
	case c.is(fragmented):
		op = Continuation
	}
	c.set(fragmented)
	if last {
		c.clear(fragmented)
	}
	return c.write(firstByte(op, last), p)
}

// Ping sends a ping. The peer sends a pong with the same payload: see Handler.Pong.
func (c *Conn) Ping(p []byte) error {
	switch {
	case c.is(closeSent):
		return c.unwritable()
	case len(p) > 125:
		return ErrControl
	}
	return c.write(byte(Ping)|finBit, p)
}

// write sends a frame.
func (c *Conn) write(first byte, p []byte) error {
	if c.is(asClient) {
		return c.writeMasked(first, p)
	}
	if len(p) > most {
		if _, err := c.conn.Write(appendHead(c.conn.AvailableBuffer(MaxHead), first, 0, len(p))); err != nil {
			return err
		}
		_, err := c.conn.Write(p)
		return err
	}
	b := appendHead(c.conn.AvailableBuffer(MaxHead+len(p)), first, 0, len(p))
	_, err := c.conn.Write(append(b, p...))
	return err
}

// writeMasked is write for a client: p stays as it is, so it is copied.
func (c *Conn) writeMasked(first byte, p []byte) error {
	// ChaCha8 with a seed from the system: the key must be unpredictable (RFC 6455 10.3).
	key := rand.Uint32()
	b := appendHead(c.conn.AvailableBuffer(MaxHead+min(len(p), most)), first, maskBit, len(p))
	b = append(b, byte(key), byte(key>>8), byte(key>>16), byte(key>>24))
	for {
		n := min(len(p), most)
		b = append(b, p[:n]...)
		key = Mask(b[len(b)-n:], key)
		if _, err := c.conn.Write(b); err != nil {
			return err
		}
		if p = p[n:]; len(p) == 0 {
			return nil
		}
		b = c.conn.AvailableBuffer(min(len(p), most))
	}
}
