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

// collect appends to the message that comes in pieces. Its buffer has room for twice what
// has come at most, whatever the frame's head says of what is still to come.
func (c *Conn) collect(p Piece) {
	if c.msg == nil {
		c.msg = c.borrow(len(p.Data))
	}
	m := c.msg
	if n := len(m.B) + len(p.Data); n > cap(m.B) {
		room := make([]byte, len(m.B), n+int(min(p.Left, uint64(n))))
		copy(room, m.B)
		c.conn.Charge(cap(room) - cap(m.B))
		m.B = room
	}
	m.B = append(m.B, p.Data...)
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
