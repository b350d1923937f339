// Conn: a connection's state, and what a program does with one.

package ws

import (
	"errors"
	"iter"
	"net"
	"time"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/conn"
)

// A Conn is a WebSocket connection, of a server by [Upgrade] or of a client by [Dial].
// All methods except Post must be called on the loop's goroutine. Once the connection
// is closed they return net.ErrClosed.
type Conn struct {
	// State is for the program. The package does not use it.
	State any

	conn   *conn.Conn
	h      *Handler
	parser Parser
	msg    *bytebufferpool.ByteBuffer // the message that comes in pieces; nil: none
	more   *extra                     // state that few connections need
	hubs   *member                    // list of the hubs that the connection is in
	heard  uint32                     // when the peer was last heard: see clock
	flags  flags
	proto  uint8 // the subprotocol is Handler.Protocols[proto-1]; 0: none
	window uint8 // bits of the window for our compressed messages; 0: do not compress
}

// extra is the state that most connections never have.
type extra struct {
	control []byte // payload of a control frame that comes in pieces
	size    uint64 // size of a message so far, where Stream has a limit
	inflate *inflater
	close   CloseError

	undelivered int // bytes that the kernel held for the peer when that last took some
	looks       int // times that delivers has looked since then
}

type flags uint16

const (
	asClient   flags = 1 << iota // this side masks
	paused                       // the program has called Pause
	yielded                      // reading is paused until resume, to let other connections have their turn
	pinged                       // a ping was sent since the peer was last heard
	fragmented                   // WriteFragment has begun a message
	closeSent                    // our close frame was written: nothing more is sent
	closeRead                    // the peer's close frame has come: nothing more is read
	lingering                    // both, or the connection has failed: input is discarded
	hurried                      // closing may take no longer than CloseTimeout
)

func (c *Conn) is(f flags) bool { return c.flags&f != 0 }
func (c *Conn) set(f flags)     { c.flags |= f }
func (c *Conn) clear(f flags)   { c.flags &^= f }

func (c *Conn) extra() *extra {
	if c.more == nil {
		c.more = new(extra)
	}
	return c.more
}

func of(c *conn.Conn) *Conn { return c.State.(*Conn) }

// adopt makes a Conn from a connection whose handshake is done.
func (h *Handler) adopt(nc *conn.Conn, c *Conn) {
	c.conn, c.h = nc, h
	nc.State = c
	h.open.Add(1)
	c.heard = c.clock()
	c.watch()
	if h.Open != nil {
		h.Open(c)
	}
}

// Conns returns an iterator over the WebSocket connections of a loop, in no particular
// order. Use it on the loop's goroutine, for instance to close them all.
func Conns(l *conn.Loop) iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		for nc := range l.Conns() {
			if c, ok := nc.State.(*Conn); ok && !yield(c) {
				return
			}
		}
	}
}

// Conn returns the connection underneath, for its addresses, TLS and counters. It
// must not be read from or written to.
func (c *Conn) Conn() *conn.Conn { return c.conn }

// Loop returns the connection's loop.
func (c *Conn) Loop() *conn.Loop { return c.conn.Loop() }

// Handler returns the connection's Handler.
func (c *Conn) Handler() *Handler { return c.h }

// Protocol returns the subprotocol that was agreed on, "" if there is none.
func (c *Conn) Protocol() string {
	if c.proto == 0 {
		return ""
	}
	return c.h.Protocols[c.proto-1]
}

// Post runs fn on the connection's loop. It may be called from any goroutine. The
// connection may be closed when fn runs. See [conn.Conn.Post].
func (c *Conn) Post(fn func()) error { return c.conn.Post(fn) }

// After calls fn on the loop once d has passed, unless the connection is closed by then.
func (c *Conn) After(d time.Duration, fn func()) *conn.Timer { return c.conn.After(d, fn) }

// Full reports whether to stop writing until OnDrain, because the peer reads more
// slowly than the program writes. Output that is written nevertheless is held, up to
// Handler.Max. Full is always true once the connection closes.
func (c *Conn) Full() bool { return c.is(closeSent) || c.conn.Full() }

// OnDrain calls fn once, when the output has fallen to Handler.Low, or when the
// connection is closed: then the next Write returns an error.
func (c *Conn) OnDrain(fn func()) { c.conn.OnDrain(fn) }

// Pending returns how many bytes of output wait in memory.
func (c *Conn) Pending() int { return c.conn.Pending() }

// Pause stops reading until Resume, so that TCP makes the peer wait. No message comes
// after the one that is being handled.
func (c *Conn) Pause() {
	if !c.is(closeSent | closeRead) {
		c.set(paused)
		c.conn.Pause()
	}
}

// Resume undoes Pause.
func (c *Conn) Resume() {
	if c.is(paused) {
		c.clear(paused)
		c.heard = c.clock() // nothing was read meanwhile, so this was not silence
		if c.inflating() {
			c.yield() // the message goes on in another turn
		}
		c.unpause()
	}
}

// unpause reads on, unless there is another reason not to.
func (c *Conn) unpause() {
	if !c.is(paused | yielded) {
		c.conn.Resume()
	}
}

// Mistakes of the program.
var (
	ErrOp         = errors.New("ws: what can be written is Text or Binary")
	ErrCode       = errors.New("ws: a close frame cannot hold that code: 1000 to 1014 but 1004 to 1006, 3000 to 4999, or NoCode")
	ErrControl    = errors.New("ws: a control frame holds 125 bytes at most")
	ErrMidMessage = errors.New("ws: a message has begun by WriteFragment and not ended")
)

// unwritable returns why no message can be written now.
func (c *Conn) unwritable() error {
	if c.is(closeSent) {
		return net.ErrClosed
	}
	return ErrMidMessage
}
