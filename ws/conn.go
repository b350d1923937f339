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

// A Conn is a WebSocket connection, of a server by [Upgrade] or of a client. Its
// methods belong to the goroutine of its loop, all but Post. Once it has ended
// they return net.ErrClosed.
type Conn struct {
	// State is the program's own.
	State any

	conn   *conn.Conn
	h      *Handler
	parser Parser
	msg    *bytebufferpool.ByteBuffer // of a message that comes in pieces; nil: none
	more   *extra                     // what few connections need
	hubs   *member                    // the first of the hubs that it is in
	heard  uint32                     // when the peer was heard last: see clock
	flags  flags
	proto  uint8 // the subprotocol is Handler.Protocols[proto-1]; 0: none
	window uint8 // bits of the window that our compressed messages may use; 0: none are
}

// extra is the state that most connections never have.
type extra struct {
	control []byte // payload of a control frame that comes in pieces
	size    uint64 // of a message so far, where Stream has a limit
	inflate *inflater
	close   CloseError
}

type flags uint16

const (
	asClient   flags = 1 << iota // this side masks
	paused                       // by Pause
	yielded                      // reading is paused until resume, for the others' sake
	pinged                       // a ping was sent since the peer was heard
	fragmented                   // a message of ours has begun, by WriteFragment
	closeSent                    // our close frame is out: no more is sent
	closeRead                    // the peer's has come: no more is read
	lingering                    // both, or the connection has failed: input is discarded
	hurried                      // no longer than CloseTimeout may the end take
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

// adopt makes a Conn of a connection whose handshake is done.
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

// Conns ranges over the WebSocket connections of a loop, on its goroutine, in no
// particular order: to close them all, for one.
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

// Loop returns the loop that the connection lives on.
func (c *Conn) Loop() *conn.Loop { return c.conn.Loop() }

// Handler returns the Handler that the connection goes by.
func (c *Conn) Handler() *Handler { return c.h }

// Protocol returns the subprotocol that was agreed on, "" if there is none.
func (c *Conn) Protocol() string {
	if c.proto == 0 {
		return ""
	}
	return c.h.Protocols[c.proto-1]
}

// Post runs fn on the connection's loop. It may be called from any goroutine. By
// then the connection may have ended. See [conn.Conn.Post].
func (c *Conn) Post(fn func()) error { return c.conn.Post(fn) }

// After calls fn on the loop once d has passed, unless the connection has ended.
func (c *Conn) After(d time.Duration, fn func()) *conn.Timer { return c.conn.After(d, fn) }

// Full reports whether the peer does not read as fast as is written: a good time
// to stop writing until OnDrain. It is true for ever once the connection closes.
// Output that is written regardless is held, up to Handler.Max.
func (c *Conn) Full() bool { return c.is(closeSent) || c.conn.Full() }

// OnDrain calls fn once, when the output has fallen to Handler.Low, or the
// connection has ended, as the next Write will say.
func (c *Conn) OnDrain(fn func()) { c.conn.OnDrain(fn) }

// Pending is how many bytes of output wait in memory.
func (c *Conn) Pending() int { return c.conn.Pending() }

// Pause stops reading, so that TCP stops the peer, until Resume. The message that
// is being handled is the last for now.
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
		c.heard = c.clock() // what came meanwhile was not heard
		c.unpause()
	}
}

// unpause reads on, unless there is another reason not to.
func (c *Conn) unpause() {
	if !c.is(paused | yielded) {
		c.conn.Resume()
	}
}

// Errors of a program's own making.
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
