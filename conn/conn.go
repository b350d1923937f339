// Conn: its state, its events, and what is put in order after callbacks.

package conn

import (
	"os"
	"syscall"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/poller"
)

// A Conn is one connection on a [Loop]: accepted by [Loop.Listen], opened by
// [Loop.Dial], or taken over by [Loop.Adopt]. Its methods belong to the loop's
// goroutine, all but [Conn.Post]. A Conn is never used for a second
// connection: once it is closed its methods answer net.ErrClosed, for ever.
type Conn struct {
	// State is the program's own.
	State any

	loop *Loop
	h    *Handler
	in   *bytebufferpool.ByteBuffer // input that Data left, from inOff on; nil: none
	out  *bytebufferpool.ByteBuffer // output that the kernel has not taken, from outOff on; nil: none
	more *extra                     // what few connections need

	outOff   int
	inOff    uint32
	burst    uint32 // bytes that the kernel took during the running callback
	holds    uint32 // bytes of buffers, as Stats.Held counts them
	slot     uint32
	fd       int32
	timeout  uint32 // ticks that input and output push the deadline by; 0: they do not
	deadline uint32 // tick of Timeout; 0: none
	silence  uint32 // ticks of SetReadTimeout; 0: none
	unheard  uint32 // tick at which they are over; 0: none
	stall    uint32 // tick to look whether pending output makes progress, or the connect; 0: none
	flags    flags
	want     poller.Ready // what the poller watches
	sec      security
	//lint:ignore U1000 debug builds use it
	idle uint8 // times running that it was ready in vain
}

// extra is the state that most connections never have.
type extra struct {
	waiting  []func()  // by OnDrain
	pipe     Sink      // by Pipe
	poured   bool      // pipe knows that this was all
	queue    []segment // output behind out: files, and bytes behind them
	dial     *dial     // while connecting
	tls      *transport
	abrupt   bool      // see ResetOnError
	detached *prefixed // by Detach, until Data has returned
	unread   int       // bytes that the kernel held for the peer when they were last seen to be less
	looks    int       // of stalled since then
	lost     int       // bytes of output that a deaf peer did not take
	err      error     // for Close
}

type flags uint32

const (
	connecting flags = 1 << iota
	opening          // Open is still to be called
	paused           // by Pause
	choked           // the output is at High and has not been at Low since: see holdsOff
	piped            // reading pauses: the sink of the pipe is full
	ended            // the peer's FIN was read
	shut             // by CloseWrite: FIN follows the output
	shutDone         // FIN is sent
	closing          // by Close: ends when the output is out
	closed           // every method answers net.ErrClosed, Close is about to be called
	over             // Close has been called, or is being
	blocked          // the kernel took less than all: wait for Write
	dirty            // in the loop's list of those to be settled
	deferred         // in the loop's list of those to be called again
	endDue           // the handler, or the sink, is still to be told of the peer's FIN
	held             // the kernel may hold back the end of the output for our FIN: see write
	dialled          // by Dial: a client
	lookedAt         // for what could have been done before the deadline: see catchUp
	deaf             // the peer takes no more, but what it said may be unread: see deafened
)

func (c *Conn) is(f flags) bool { return c.flags&f != 0 }
func (c *Conn) set(f flags)     { c.flags |= f }
func (c *Conn) clear(f flags)   { c.flags &^= f }

// extra makes room for rare state.
func (c *Conn) extra() *extra {
	if c.more == nil {
		c.more = new(extra)
	}
	return c.more
}

// newConn makes a connection of fd, or of none yet (-1).
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

// watch has the poller watch the connection's descriptor for the first time.
func (c *Conn) watch(want poller.Ready) error {
	c.want = want
	return c.loop.poll.Add(int(c.fd), c.loop.slots.token(c.slot), want)
}

// Loop answers the loop that the connection lives on.
func (c *Conn) Loop() *Loop { return c.loop }

// Handler returns what the connection goes by now: never nil.
func (c *Conn) Handler() *Handler { return c.h }

// SetHandler gives the connection another protocol. Input that has not been
// consumed goes to the new handler's Data after the running callback, and its
// End follows if the peer has ended already; its Open is not called.
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

// Pause stops reading: the peer will be stopped by TCP once the buffers between
// are full. While paused, the peer's end goes unseen, but for a reset.
func (c *Conn) Pause() {
	c.own("Pause")
	c.set(paused)
	c.touch()
}

// Resume starts reading again, and hands input that Data left to Data, even if
// no more has come: after the callback that is running now.
func (c *Conn) Resume() {
	c.own("Resume")
	c.clear(paused)
	c.replay()
	c.touch()
}

// reads tells whether input is wanted.
func (c *Conn) reads() bool {
	if c.sec == shaking {
		return c.more.tls.hs != nil && c.more.tls.hs.wants && !c.is(closed)
	}
	return !c.is(connecting|opening|ended) && !c.holdsOff()
}

// holdsOff reports whether input, and the peer's end after it, has to wait.
func (c *Conn) holdsOff() bool {
	return c.is(paused|piped|closing|closed) || c.is(choked) && !c.readsOn()
}

// readsOn reports whether input is taken while our own output is at High. It is
// not where the input makes more output on this connection. Where it goes
// elsewhere, to pause would let two connections wait for each other for ever: one
// for the other's input to be read, the other for the one's output to drain.
func (c *Conn) readsOn() bool {
	if c.more != nil && c.more.pipe != nil {
		return c.more.pipe != Sink(c)
	}
	return c.is(dialled) || c.h.ReadOn
}

// event is called by the loop: the poller reports c.
func (c *Conn) event(r poller.Ready) {
	if c.is(closed) {
		return // and not settled yet
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
	case c.is(deaf) && r&(poller.Err|poller.Hangup) != 0:
		c.fail(c.more.err)
	case r&poller.Err != 0, r&poller.Hangup != 0 && c.is(ended) && !c.is(deferred) && c.sec == plain:
		// The peer is gone altogether: it was reset, or has closed a socket
		// of which it had already shut the sending side. Behind a close_notify
		// its FIN is still to come, and no news.
		c.fail(c.pendingError())
	}
}

// pendingError is the error that the kernel holds for the next call on a socket
// whose peer is gone: EPIPE is a write's.
func (c *Conn) pendingError() error {
	switch errno := socketError(int(c.fd)); errno {
	case 0:
		return os.NewSyscallError("read", syscall.ECONNRESET)
	case syscall.EPIPE:
		return os.NewSyscallError("write", errno)
	default:
		return os.NewSyscallError("read", errno)
	}
}

// open makes the first call, or has it follow the handshake.
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

// touch has the loop settle c once the callback that is running returns.
func (c *Conn) touch() {
	if c.flags&(dirty|closed) != 0 {
		return
	}
	c.set(dirty)
	c.loop.unsettled.push(c)
}

// later has the loop call c again, in this turn or the next: see again.
func (c *Conn) later() {
	if c.flags&(deferred|closed) != 0 {
		return
	}
	c.set(deferred)
	c.loop.deferred.push(c)
}

// again makes the calls that wait for no descriptor. They come once in a turn,
// not from settle: a connection whose calls bring about the next ones, such as a
// writer who goes on in OnDrain, must not keep the loop from the others.
func (c *Conn) again() {
	c.clear(deferred)
	c.loop.running = c
	if c.is(connecting) && !c.is(closed) {
		c.more.dial.begin()
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

// settle brings c in order after callbacks: output, states, interest.
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
		c.dropInput() // nobody is going to read it
	}
	if c.is(held|shut|closing) && c.out == nil && !c.queued() {
		if c.step(outputOut); c.is(closed) {
			return
		}
	}
	c.relax()
	c.interest()
}

// interest tells the poller what to watch, if that has changed.
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
	if err := c.loop.poll.Mod(int(c.fd), c.loop.slots.token(c.slot), want); err != nil {
		c.fail(err)
	}
}
