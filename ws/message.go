// Buffers of messages that come in pieces, or are being inflated. They count for the
// loop's MaxMemory.

package ws

import "github.com/valyala/bytebufferpool"

// messages are pools by size, so that the first bytes of a message do not borrow what
// all of another one needed.
var messages [2]bytebufferpool.Pool

func shelf(n int) *bytebufferpool.Pool {
	if n <= 4<<10 {
		return &messages[0]
	}
	return &messages[1]
}

// borrow lends an empty buffer for a message that begins with n bytes.
func (c *Conn) borrow(n int) *bytebufferpool.ByteBuffer {
	m := shelf(n).Get()
	c.conn.Charge(cap(m.B))
	return m
}

// giveBack takes a buffer back. In debug builds it is not lent again, so that bytes which
// the program has kept read as poison for ever.
func (c *Conn) giveBack(m *bytebufferpool.ByteBuffer) {
	c.conn.Charge(-cap(m.B))
	poison(m.B)
	if !debugging {
		shelf(cap(m.B)).Put(m)
	}
}

// grow returns m, or another buffer with what is in it, with room for n bytes in all.
func (c *Conn) grow(m *bytebufferpool.ByteBuffer, n int) *bytebufferpool.ByteBuffer {
	to := m
	if shelf(n) != shelf(cap(m.B)) {
		to = c.borrow(n)
	}
	room := to.B[:0]
	if n > cap(room) {
		c.conn.Charge(n - cap(room))
		room = make([]byte, 0, n)
	}
	to.B = append(room, m.B...)
	if to != m {
		c.giveBack(m)
	}
	return to
}

// collect appends to the message that comes in pieces. The room doubles, whatever the
// frame's head says of what is still to come, but not beyond what the message may have.
func (c *Conn) collect(p Piece) {
	if c.msg == nil {
		c.msg = c.borrow(len(p.Data))
	}
	if n := len(c.msg.B) + len(p.Data); n > cap(c.msg.B) {
		room := min(uint64(2*n), max(c.h.limit(), uint64(n)))
		if c.parser.finalFrame() {
			room = min(room, uint64(n)+p.Left)
		}
		c.msg = c.grow(c.msg, int(room))
	}
	c.msg.B = append(c.msg.B, p.Data...)
}

// deliver hands over the message that was collected.
func (c *Conn) deliver(op Op) {
	m := c.msg
	c.msg = nil // the program may close the connection
	if c.h.Message != nil {
		c.h.Message(c, op, m.B)
	}
	c.giveBack(m)
}

func (c *Conn) dropMessage() {
	if c.msg != nil {
		c.giveBack(c.msg)
		c.msg = nil
	}
}
