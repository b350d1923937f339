// Prepared: a message made once, for many connections.

package ws

import (
	"sync"

	"github.com/valyala/bytebufferpool"
)

// A Prepared is a message whose frame is made once (and compressed once, if needed),
// however many connections it is written to. It may be used from any goroutine, and
// never changes.
type Prepared struct {
	op    Op
	head  int    // length of the frame's head
	frame []byte // the frame as a server sends it

	once     sync.Once
	deflated []byte // the compressed frame; nil: it would be no shorter
}

// Prepare makes a message, Text or Binary. p is the caller's again on return. The
// error is [ErrOp], or [ErrUTF8] for a text that is not UTF-8.
func Prepare(op Op, p []byte) (*Prepared, error) {
	switch {
	case op != Text && op != Binary:
		return nil, ErrOp
	case op == Text && validText(utf8Whole, p) != utf8Whole:
		return nil, ErrUTF8
	}
	m := &Prepared{op: op}
	m.frame = AppendFrame(make([]byte, 0, MaxHead+len(p)), op, p)
	m.head = len(m.frame) - len(p)
	return m, nil
}

func (m *Prepared) payload() []byte { return m.frame[m.head:] }

// compressed returns the compressed frame, or nil if there is none. The first
// connection that asks decides on the level.
func (m *Prepared) compressed(d *Deflate) []byte {
	if len(m.payload()) < d.least() {
		return nil
	}
	m.once.Do(func() {
		var b bytebufferpool.ByteBuffer
		deflate(&b, m.payload(), d.level(), 15)
		if len(b.B) < len(m.payload()) {
			m.deflated = append(appendHead(nil, byte(m.op)|finBit|rsv1Bit, 0, len(b.B)), b.B...)
		}
	})
	return m.deflated
}

// WritePrepared is Write of a prepared message.
func (c *Conn) WritePrepared(m *Prepared) error {
	switch {
	case c.is(closeSent | fragmented):
		return c.unwritable()
	case c.is(asClient) || c.window != 0 && c.window < 15: // a mask or a window of its own
		return c.Write(m.op, m.payload())
	case c.window != 0:
		if b := m.compressed(c.h.Deflate); b != nil {
			_, err := c.conn.Write(b)
			return err
		}
	}
	_, err := c.conn.Write(m.frame)
	return err
}
