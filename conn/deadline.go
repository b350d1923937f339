// Deadlines: what a connection has to have done by when. They are stores into the
// Conn: the wheel has one entry for each connection, which looks at them when it
// fires, and moves itself if they have moved.

package conn

import (
	"os"
	"time"
)

// graceTicks is what a handshake has left whose next flight was there in time, and
// was read late.
const graceTicks = 1000

// SetTimeout has Handler.Timeout called when nothing has been read or written
// for d. Zero or less: never. It replaces what SetTimeout or SetDeadline said
// before. The resolution is a millisecond, the longest d 12 days. Time counts
// from the loop's turn, as [Loop.Now] has it: no clock is read for it.
//
// No timeout fires while there is input that has not been read, or room for
// output that waits: a loop that is late looks first.
func (c *Conn) SetTimeout(d time.Duration) {
	c.own("SetTimeout")
	c.timeout, c.deadline = 0, 0
	c.clear(lookedAt)
	if d > 0 && !c.is(closing|closed) {
		c.timeout = ticks(d)
		c.extend()
	}
}

// SetDeadline has Handler.Timeout called when d has passed, whatever is read or
// written meanwhile. Zero or less: never. It replaces what SetTimeout or
// SetDeadline said before.
func (c *Conn) SetDeadline(d time.Duration) {
	c.own("SetDeadline")
	c.timeout, c.deadline = 0, 0
	c.clear(lookedAt)
	if d > 0 && !c.is(closing|closed) {
		c.deadline = c.loop.tickIn(ticks(d))
		c.schedule(c.deadline)
	}
}

// SetReadTimeout has Handler.Timeout called when the peer has said nothing for d,
// whatever is written to it: a peer that has vanished, and is sent a broadcast now
// and then, is found by this and not by SetTimeout. Zero or less: never. While
// reading pauses the peer cannot be heard, and is not blamed. It is apart from
// SetTimeout and SetDeadline: both may be set.
func (c *Conn) SetReadTimeout(d time.Duration) {
	c.own("SetReadTimeout")
	c.silence, c.unheard = 0, 0
	c.clear(lookedAt)
	if d > 0 && !c.is(closing|closed) {
		c.silence = ticks(d)
		c.heard()
	}
}

// extend pushes the timeout: there was input or output.
func (c *Conn) extend() {
	if c.timeout != 0 {
		c.deadline = c.loop.tickIn(c.timeout)
		c.schedule(c.deadline)
	}
}

// heard pushes the read timeout: there was input.
func (c *Conn) heard() {
	if c.silence != 0 {
		c.unheard = c.loop.tickIn(c.silence)
		c.schedule(c.unheard)
	}
}

// tickIn is the tick at which n ticks are over that begin within this one;
// never 0, which means none.
func (l *Loop) tickIn(n uint32) uint32 { return max(l.now+n+1, 1) }

// schedule sees to it that the wheel calls at tick or before. As a rule it
// does already: an entry that fires early moves itself, see expire.
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

// expire is called by the wheel: a deadline may be due, or have moved.
func (c *Conn) expire() {
	if c.is(closed) {
		return // and not settled yet
	}
	c.loop.running = c
	switch {
	case c.is(connecting) && c.due(c.deadline):
		c.deadline = 0
		c.more.dial.timedOut()
	case c.is(connecting) && c.due(c.stall):
		c.more.dial.delayed()
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

// timedOut is a deadline that has passed.
func (c *Conn) timedOut() {
	c.clear(lookedAt)
	if c.due(c.unheard) {
		c.unheard = 0
		if !c.reads() && c.sec != shaking {
			c.heard() // it cannot have been
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

// catchUp reads and sends, once before a deadline counts, what could have been
// read and sent in time: the process may have been stopped, or a callback have
// blocked, or others have been in front. It reports whether there was anything;
// then the deadline is judged in the next tick, unless it moves.
func (c *Conn) catchUp() bool {
	if c.is(lookedAt | opening) {
		return false
	}
	l := c.loop
	done := l.stats.Reads + l.stats.BytesOut
	ahead := c.is(deferred) // there is something to be handed over
	if c.is(blocked) {
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
