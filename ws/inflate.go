// Inflating messages, a portion at a time, with a bound that is checked while they
// grow.

package ws

import (
	"compress/flate"
	"io"
	"sync"

	"github.com/valyala/bytebufferpool"
)

// inflateTurn is how many bytes of a message are inflated before the loop's other
// connections have their turn. They take a millisecond or two.
const inflateTurn = 256 << 10

// finalBlocks is how many blocks within a message may say that they are the last
// (RFC 7692 7.2.3.4). Beginning anew after each costs time.
const finalBlocks = 64

// An inflater inflates one message. It is shared by all connections.
type inflater struct {
	conn  *Conn
	r     io.ReadCloser // of package flate, which reads from the inflater itself
	in    []byte        // the unread part of the message
	tail  string        // the unread part of what follows the message
	out   *bytebufferpool.ByteBuffer
	op    Op
	text  uint8  // UTF-8 state of a text
	size  uint64 // bytes that have come out
	final int
}

var inflaters = sync.Pool{New: func() any {
	z := new(inflater)
	z.r = flate.NewReader(z)
	return z
}}

// endOfMessage is what the sender has removed from the end of the message, and a final
// block, which makes package flate return io.EOF (RFC 7692 7.2.2).
const endOfMessage = flushed + "\x01\x00\x00\xff\xff"

// ReadByte makes package flate read no more than it needs from z.
func (z *inflater) ReadByte() (c byte, err error) {
	switch {
	case len(z.in) > 0:
		c, z.in = z.in[0], z.in[1:]
	case len(z.tail) > 0:
		c, z.tail = z.tail[0], z.tail[1:]
	default:
		err = io.ErrUnexpectedEOF
	}
	return c, err
}

// Read completes an io.Reader; package flate uses ReadByte, and io.ReadFull for
// stored blocks.
func (z *inflater) Read(p []byte) (n int, err error) {
	n = copy(p, z.in)
	z.in = z.in[n:]
	m := copy(p[n:], z.tail)
	z.tail = z.tail[m:]
	if n += m; n == 0 && len(p) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// more inflates another portion of at most n bytes. It returns io.EOF with the
// last one.
func (z *inflater) more(n int) error {
	end := len(z.out.B) + n
	for len(z.out.B) < end {
		from := len(z.out.B)
		if from == cap(z.out.B) { // what is there doubles
			z.out = z.conn.grow(z.out, min(2*max(from, 2<<10), end))
		}
		got, err := z.r.Read(z.out.B[from:min(end, cap(z.out.B))])
		z.out.B = z.out.B[:from+got]
		z.size += uint64(got)
		if z.op == Text {
			if z.text = validText(z.text, z.out.B[from:]); z.text == utf8Wrong {
				return ErrUTF8
			}
		}
		switch {
		case err == io.EOF && (z.tail == "" || len(z.in) == 0 && z.tail == endOfMessage):
			if z.text != utf8Whole {
				return ErrUTF8
			}
			return io.EOF
		case err == io.EOF: // a block within the message said that it was the last
			if z.final++; z.final > finalBlocks {
				return ErrDeflate
			}
			z.r.(flate.Resetter).Reset(z, nil)
		case err != nil:
			return ErrDeflate
		}
	}
	return nil
}

// inflating reports whether a message is being inflated. What follows it waits meanwhile.
func (c *Conn) inflating() bool { return c.more != nil && c.more.inflate != nil }

// beginInflate inflates the message that was collected, and delivers it.
func (c *Conn) beginInflate(op Op) {
	z := inflaters.Get().(*inflater)
	z.conn, z.in, z.tail, z.op, z.out = c, c.msg.B, endOfMessage, op, c.borrow(len(c.msg.B))
	z.r.(flate.Resetter).Reset(z, nil)
	c.extra().inflate = z
	c.inflateMore()
}

// inflateMore goes on inflating, a portion at a time.
func (c *Conn) inflateMore() {
	z := c.more.inflate
	room := c.h.limit() - z.size // and one more byte shows that it is too big
	err := z.more(int(min(room, inflateTurn-1)) + 1)
	switch {
	case z.size > c.h.limit():
		c.fail(ErrTooBig)
	case err == io.EOF:
		op, out := z.op, z.out
		z.out = nil
		c.endInflate()
		c.deliverInflated(op, out, true)
	case err != nil:
		c.fail(err.(Error))
	case c.h.Stream != nil:
		out := z.out
		z.out = c.borrow(len(out.B))
		c.yield()
		c.deliverInflated(z.op, out, false)
	default:
		c.yield()
	}
}

// endInflate releases what inflating needed, if the message is being inflated.
func (c *Conn) endInflate() {
	if !c.inflating() {
		return
	}
	z := c.more.inflate
	c.more.inflate = nil
	if z.out != nil {
		c.giveBack(z.out)
	}
	z.conn, z.in, z.out, z.tail, z.text, z.size, z.final = nil, nil, nil, "", utf8Whole, 0, 0
	inflaters.Put(z)
	c.dropMessage()
}

// deliverInflated hands over a message, or a portion of it.
func (c *Conn) deliverInflated(op Op, out *bytebufferpool.ByteBuffer, last bool) {
	switch {
	case c.h.Stream != nil:
		c.h.Stream(c, op, out.B, last)
	case c.h.Message != nil:
		c.h.Message(c, op, out.B)
	}
	c.giveBack(out)
}
