// Conn: its state, its events, and what is settled after callbacks.

package conn

import (
	"os"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/internal/sys"
	"github.com/lurcher-net/lurcher/poller"
)

// A Conn is one connection on a [Loop]: accepted by [Loop.Listen], opened by
// [Loop.Dial], or taken over by [Loop.Adopt]. Its methods belong to the loop's
// goroutine, all but [Conn.Post]. A Conn is never used for a second
// connection: once it is closed its methods return net.ErrClosed, for ever.
type Conn struct {
	// State is for the program: this package does not use it.
	State any

	loop *Loop
	h    *Handler
	in   *bytebufferpool.ByteBuffer // input that Data left, from inOff on; nil: none
	out  *bytebufferpool.ByteBuffer // output that the kernel has not taken, from outOff on; nil: none
	more *extra                     // what few connections need

	outOff   uint32
	inOff    uint32
	burst    uint32 // bytes that the kernel took during the running callback
	holds    uint32 // bytes of buffers and those of charged, as Stats.Held counts them
	charged  uint32 // bytes that the protocol holds: see Charge
	slot     uint32
	fd       int32
	timeout  uint32 // ticks from input or output to the deadline; 0: they do not move it
	deadline uint32 // tick at which Handler.Timeout is due; 0: none
	silence  uint32 // ticks of SetReadTimeout; 0: none
	unheard  uint32 // tick at which silence is over; 0: none
	stall    uint32 // tick of the next check for progress of the output, or of the dial; 0: none
	flags    flags
	want     poller.Ready // what the poller watches
	sec      security
	//lint:ignore U1000 debug builds use it
	idle uint8 // events in a row on which nothing was done
}

// extra is state that most connections never need.
type extra struct {
	waiting  []func()  // functions of OnDrain
	pipe     Sink      // the sink of Pipe
	poured   bool      // pipe was told of the peer's FIN
	queue    []segment // output after out: files, and bytes after them
	tls      *transport
	abrupt   bool      // ResetOnError was called
	detached *prefixed // set by Detach, until Data has returned
	unread   int       // bytes that the kernel held for the peer when that last made progress
	looks    int       // checks of stalled since then
	lost     int       // bytes of output that a deaf peer did not take
	err      error     // the error for Handler.Close
}

type flags uint32

const (
	connecting flags = 1 << iota
	opening          // Open is still to be called
	paused           // Pause was called
	choked           // the output is at High and has not been at Low since: see holdsOff
	piped            // reading pauses: the sink of the pipe is full
	ended            // the peer's FIN was read
	shut             // CloseWrite was called: FIN follows the output
	shutDone         // FIN is sent
	closing          // Close was called: the connection ends when the output is out
	closed           // every method returns net.ErrClosed, Handler.Close is about to be called
	over             // Handler.Close has been called, or is running
	blocked          // the kernel took less than all: wait for Write
	dirty            // in Loop.unsettled, Loop.overdue or Loop.writable
	deferred         // in Loop.deferred
	endDue           // the handler, or the sink, is still to be told of the peer's FIN
	held             // the kernel may hold back the end of the output for our FIN: see write
	dialled          // opened by Dial: a client
	lookedAt         // catchUp has run for the deadline that is due
	bounded          // boundUnsent was called
	deaf             // the peer takes no more, but what it sent may be unread: see deafened
)

func (c *Conn) is(f flags) bool { return c.flags&f != 0 }
func (c *Conn) set(f flags)     { c.flags |= f }
func (c *Conn) clear(f flags)   { c.flags &^= f }

// extra returns the rare state, which it makes at the first call.
func (c *Conn) extra() *extra {
	if c.more == nil {
		c.more = new(extra)
	}
	return c.more
}

// newConn makes a connection of fd; -1: it has none yet.
func (l *Loop) newConn(fd int, h *Handler, f flags) *Conn {
	if h == nil {
		h = &defaults
	}
	c := &Conn{loop: l, h: h, fd: int32(fd), flags: f}
	c.slot = l.slots.alloc(c)
	l.stats.Open++
	if h.TLS != nil {
		c.secure(h.TLS)
	}
	return c
}

// watch adds the connection's descriptor to the poller.
func (c *Conn) watch(want poller.Ready) error {
	c.want = want
	return c.loop.poll.Add(int(c.fd), c.loop.slots.token(c.slot), want)
}

// Loop returns the loop that the connection lives on.
func (c *Conn) Loop() *Loop { return c.loop }

// Handler returns the connection's current Handler, which is never nil.
func (c *Conn) Handler() *Handler { return c.h }

// SetHandler gives the connection another protocol. Input that has not been consumed
// goes to the new handler's Data after the running callback; if the peer's FIN has
// come already, its End follows. Its Open is not called.
func (c *Conn) SetHandler(h *Handler) {
	c.own("SetHandler")
	if h == nil {
		h = &defaults
	}
	c.h = h
	if c.more != nil {
		c.more.pipe = nil
		c.clear(piped)
	}
	if c.is(ended) {
		c.set(endDue)
	}
	c.replay()
	c.touch()
}

// Pause stops reading. TCP stops the peer once the buffers between are full. While
// paused, the peer's FIN is not seen; only a reset is, and that neither before all input is
// read if the connection was dialled, or its Handler has ReadOn.
func (c *Conn) Pause() {
	c.own("Pause")
	c.set(paused)
	c.touch()
}

// Resume starts reading again. After the running callback, it also hands the input
// that Data left to Data again, even if no more has come.
func (c *Conn) Resume() {
	c.own("Resume")
	c.clear(paused)
	c.replay()
	c.touch()
}

// reads reports whether input is wanted. As a rule nothing speaks against it, which is found
// out in line: most events ask twice.
func (c *Conn) reads() bool {
	return c.flags&mayNotRead == 0 && c.in == nil && c.sec != shaking || c.readsAnyway()
}

// mayNotRead are the flags of connections that perhaps do not read.
const mayNotRead = connecting | opening | ended | paused | piped | choked | closing | closed

// readsAnyway is reads, where something may speak against it.
func (c *Conn) readsAnyway() bool {
	if c.sec == shaking {
		return c.more.tls.hs != nil && c.more.tls.hs.wants && !c.is(closed)
	}
	return !c.is(connecting|opening|ended) && !c.holdsOff() && !c.inLine()
}

// inLine reports whether held input waits to be handed over again, in this turn or the
// next. No more is read until it has been: the connection has its turn already, and would
// have a second one, before those who have had none.
func (c *Conn) inLine() bool { return c.in != nil && c.is(deferred) }

// holdsOff reports whether input, and the peer's FIN after it, has to wait.
func (c *Conn) holdsOff() bool {
	return c.is(paused|piped|closing|closed) || c.is(choked) && !c.readsOn()
}

// readsOn reports whether input is read while our own output is at High. It is not if
// the input causes more output on this connection. If it goes elsewhere it has to be:
// otherwise two connections could wait for each other for ever, each for the other to
// read.
func (c *Conn) readsOn() bool {
	if c.more != nil && c.more.pipe != nil {
		return c.more.pipe != Sink(c)
	}
	return c.takesAll()
}

// event is part of owner: the poller reports c as ready.
func (c *Conn) event(r poller.Ready) {
	if c.is(closed) {
		return // closed in this turn, and not settled yet
	}
	c.loop.running = c
	if c.is(opening) {
		c.open()
	}
	if c.is(blocked) && r&(poller.Write|poller.Err|poller.Hangup) != 0 {
		c.clear(blocked)
		c.touch()
	}
	switch {
	case c.reads():
		if r&^poller.Write != 0 {
			c.fill()
		}
	case r&poller.Err != 0, c.is(deaf) && r&poller.Hangup != 0,
		r&poller.Hangup != 0 && c.is(ended) && !c.is(deferred) && c.sec == plain:
		// The peer is gone: it has reset the connection, or closed the socket after
		// its FIN. After a close_notify the FIN is expected, and means nothing.
		c.peerGone()
	}
}

// peerGone fails a connection that is not being read, because its peer is gone. But an
// answer may be complete although a reset follows it, as when a server has not read all of
// the request. Input that has come before the reset is read when that is wanted again, and
// then the reset is found.
func (c *Conn) peerGone() {
	errno := sys.EAGAIN
	if c.takesAll() && !c.is(closing) {
		if c.in != nil {
			return
		}
		if !c.is(ended) {
			errno = peek(int(c.fd)) // which forgets the error that it returns
		}
	}
	switch {
	case errno == 0:
	case c.is(deaf):
		c.fail(c.more.err)
	case errno != sys.EAGAIN:
		c.fail(os.NewSyscallError("read", errno))
	default:
		c.fail(c.pendingError())
	}
}

// goesOn handles the event that there is room for more output: c gets in line, to be
// settled after the events of all who ask. Output that goes on is large as a rule, and its
// peer has a part of it already. While many are in line the poller is asked again. It
// returns false if the event is more than that.
func (c *Conn) goesOn() bool {
	switch {
	case c.is(dirty):
		return true // since an earlier turn
	case !c.is(blocked) || c.is(opening|connecting|closed):
		return false
	}
	c.clear(blocked)
	c.getInLine()
	return true
}

// getInLine makes the loop settle c in its list of output that goes on.
func (c *Conn) getInLine() {
	c.set(dirty)
	c.loop.writable.push(c)
}

// takesAll reports whether what the peer has sent is wanted though the peer is gone.
func (c *Conn) takesAll() bool { return c.is(dialled) || c.h.ReadOn }

// pendingError returns the error that the kernel holds for the next call on a socket
// whose peer is gone. EPIPE belongs to a write.
func (c *Conn) pendingError() error {
	switch errno := socketError(int(c.fd)); errno {
	case 0:
		return os.NewSyscallError("read", sys.ECONNRESET)
	case sys.EPIPE:
		return os.NewSyscallError("write", errno)
	default:
		return os.NewSyscallError("read", errno)
	}
}

// open calls Handler.Open, or begins the handshake that comes first.
func (c *Conn) open() {
	c.clear(opening)
	c.touch()
	if c.sec == shaking {
		c.shake()
		return
	}
	if c.h.Open != nil {
		c.h.Open(c)
	}
	if c.sec == sealed {
		c.unseal(nil) // what came with the handshake
	}
}

// touch makes the loop settle c once the running callback has returned.
func (c *Conn) touch() {
	if c.flags&(dirty|closed) != 0 {
		return
	}
	c.set(dirty)
	c.loop.unsettled.push(c)
}

// later makes the loop call again for c, in this turn or the next.
func (c *Conn) later() {
	if c.flags&(deferred|closed) != 0 {
		return
	}
	c.set(deferred)
	c.loop.deferred.push(c)
	if c.in != nil {
		c.touch() // see inLine
	}
}

// again makes the calls that need no event of the descriptor. It runs once in a turn,
// not from settle: a connection whose calls cause the next ones, such as a writer that
// goes on in OnDrain, must not keep the loop from the others.
func (c *Conn) again() {
	if c.inLine() {
		c.touch()
	}
	c.clear(deferred)
	c.loop.running = c
	if c.is(connecting) && !c.is(closed) {
		c.dial().begin()
		return
	}
	if c.is(opening) && !c.is(closing|closed) {
		c.open()
	}
	if !c.is(closing | closed) {
		c.drained()
	}
	if c.in != nil && !c.holdsOff() {
		c.deliverHeld()
	}
	c.tellEnd()
}

// settle does what callbacks have left to do for c: output, state, interest.
func (c *Conn) settle() {
	if c.sec == plain {
		c.send()
	} else {
		c.sendSealed()
	}
	c.burst = 0
	if c.out != nil || c.holds != 0 {
		c.account()
	}
	if c.is(closed | connecting) {
		return
	}
	if c.sec == shaking {
		c.interest()
		return
	}
	if c.is(closing) {
		c.dropInput() // nobody will read it
	}
	if c.is(held|shut|closing) && c.out == nil && !c.queued() {
		if c.step(outputOut); c.is(closed) {
			return
		}
	}
	if c.out != nil || c.more != nil || c.is(choked) { // else there is no output, and nobody waits for room
		c.relax()
	}
	c.interest()
}

// interest updates what the poller watches.
func (c *Conn) interest() {
	var want poller.Ready
	if c.reads() {
		want = poller.Read
	}
	if c.is(blocked) {
		want |= poller.Write
	}
	if want == c.want || c.is(closed) {
		return
	}
	c.want = want
	c.wants()
	if err := c.loop.poll.Mod(int(c.fd), c.loop.slots.token(c.slot), want); err != nil {
		c.fail(err)
	}
}
