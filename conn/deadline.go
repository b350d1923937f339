// Deadlines of a connection. Setting one is a store into the Conn. The wheel has one
// entry for each connection; when that fires, it compares the deadlines, and is
// entered again if they have moved.

package conn

import (
	"os"
	"time"
)

// graceTicks is the time that a handshake gets after its deadline if the peer's next
// flight had come in time, and was read late.
const graceTicks = 1000

// SetTimeout makes the loop call Handler.Timeout when nothing has been read or written
// for d; for zero or less, never. It replaces an earlier SetTimeout or SetDeadline.
// The resolution is a millisecond, the longest d 12 days. Time counts from [Loop.Now]:
// the clock is not read.
//
// No timeout fires while the kernel has input to be read, or room for output that
// waits: a loop that is late checks that first.
func (c *Conn) SetTimeout(d time.Duration) {
	c.own("SetTimeout")
	c.clear(lookedAt)
	if d <= 0 || c.is(closing|closed) {
		c.timeout, c.deadline = 0, 0
		return
	}
	if n := ticks(d); n != c.timeout {
		c.timeout, c.deadline = n, 0
	}
	c.extend()
}

// SetDeadline makes the loop call Handler.Timeout when d has passed, whatever is read
// or written meanwhile; for zero or less, never. It replaces an earlier SetTimeout or
// SetDeadline.
func (c *Conn) SetDeadline(d time.Duration) {
	c.own("SetDeadline")
	c.timeout, c.deadline = 0, 0
	c.clear(lookedAt)
	if d > 0 && !c.is(closing|closed) {
		c.deadline = c.loop.tickIn(ticks(d))
		c.schedule(c.deadline)
	}
}

// SetReadTimeout makes the loop call Handler.Timeout when nothing has been read for d,
// whatever is written; for zero or less, never. It finds a peer that has vanished
// while broadcasts are still sent to it, which SetTimeout does not. Time does not count
// while reading is paused. It is independent of SetTimeout and SetDeadline: both may be
// set.
func (c *Conn) SetReadTimeout(d time.Duration) {
	c.own("SetReadTimeout")
	c.silence, c.unheard = 0, 0
	c.clear(lookedAt)
	if d > 0 && !c.is(closing|closed) {
		c.silence = ticks(d)
		c.heard()
	}
}

// extend moves the timeout after input or output, to a later tick than before. So the
// wheel's entry for the earlier tick will do, if there is one: see expire.
func (c *Conn) extend() {
	if c.timeout == 0 {
		return
	}
	entered := c.deadline != 0
	c.deadline = c.loop.tickIn(c.timeout)
	if !entered {
		c.schedule(c.deadline)
	}
}

// heard moves the read timeout after input.
func (c *Conn) heard() {
	if c.silence != 0 {
		c.unheard = c.loop.tickIn(c.silence)
		c.schedule(c.unheard)
	}
}

// tickIn returns the tick by which n whole ticks have passed from now. It is never 0,
// which means none.
func (l *Loop) tickIn(n uint32) uint32 { return max(l.now+n+1, 1) }

// schedule makes the wheel call expire at tick or before. As a rule it will already:
// expire enters an entry that fired early again.
func (c *Conn) schedule(tick uint32) {
	if c.is(closed) {
		return
	}
	w, s := &c.loop.wheel, c.loop.slots.at(c.slot)
	if s.prev != 0 {
		if int32(s.tick-tick) <= 0 {
			return
		}
		w.remove(c.slot)
	}
	w.add(c.slot, tick)
}

// due reports whether tick, a deadline, has come.
func (c *Conn) due(tick uint32) bool { return tick != 0 && int32(tick-c.loop.now) <= 0 }

// expire is part of owner: the wheel's entry has fired. A deadline may be due, or may
// have moved.
func (c *Conn) expire() {
	if c.is(closed) {
		return // and not settled yet
	}
	c.loop.running = c
	switch {
	case c.is(connecting) && c.due(c.deadline):
		c.deadline = 0
		c.dial().timedOut()
	case c.is(connecting) && c.due(c.stall):
		c.dial().delayed()
	case c.due(c.deadline) || c.due(c.unheard):
		if !c.catchUp() {
			c.timedOut()
		}
	case c.due(c.stall) && c.stalled():
		c.drop(errStalled)
	}
	for _, tick := range [...]uint32{c.stall, c.deadline, c.unheard} {
		if tick != 0 {
			c.schedule(tick)
		}
	}
}

// timedOut handles a deadline that has passed.
func (c *Conn) timedOut() {
	c.clear(lookedAt)
	if c.due(c.unheard) {
		c.unheard = 0
		if !c.reads() && c.sec != shaking {
			c.heard() // reading was paused: the time begins again
			if !c.due(c.deadline) {
				return
			}
		}
	}
	if c.due(c.deadline) {
		c.deadline = 0
	}
	switch {
	case c.is(opening):
		c.deadline = c.loop.tickIn(0) // Timeout is for the next tick, if Open lets it be
		c.open()
	case c.sec == shaking:
		c.handshakeTimeout()
	case c.h.Timeout != nil:
		c.h.Timeout(c)
	default:
		c.fail(os.ErrDeadlineExceeded)
	}
}

// catchUp reads and sends, once before a deadline counts, what could have been read
// and sent in time: the process may have been stopped, a callback may have blocked, or
// other connections may have had their turn. It reports whether there was anything;
// then the deadline is checked again in the next tick, unless it moves.
func (c *Conn) catchUp() bool {
	if c.is(lookedAt | opening) {
		return false
	}
	l := c.loop
	done := l.stats.Reads + l.stats.BytesOut
	ahead := c.is(deferred)    // input may be waiting to be handed over
	if c.is(blocked | dirty) { // dirty: it waits for its turn to send, see goesOn
		c.clear(blocked)
		c.touch()
		c.send()
	}
	if c.reads() {
		c.fill()
	}
	if c.is(closed) {
		return true
	}
	if !ahead && done == l.stats.Reads+l.stats.BytesOut && !c.is(endDue) {
		return false
	}
	if c.due(c.deadline) || c.due(c.unheard) {
		c.set(lookedAt)
		if c.sec == shaking {
			c.deadline = l.tickIn(graceTicks)
		}
	}
	return true
}
