// Drain: how full the output is, which functions wait for room, and whether the peer takes any output.

package conn

import (
	"fmt"
	"os"
	"slices"
	"time"
)

var errStalled = fmt.Errorf("conn: the peer does not read, output made no progress: %w", os.ErrDeadlineExceeded)

// Full reports whether the output has reached Handler.High and not fallen to Low
// since: then stop writing until OnDrain. It is also true once the running callback
// has sent 256 KiB, or 32 KiB while others wait, to a peer that reads as fast as the
// callback writes: so the other connections have their turn before OnDrain. It is true
// from Close on.
func (c *Conn) Full() bool {
	c.own("Full")
	if c.flags&(choked|closing|closed) == 0 && c.more == nil && c.burst < shortBurst && (c.out == nil || len(c.out.B)-int(c.outOff) < c.h.high()) {
		return false // as a rule
	}
	if c.is(closing | closed) {
		return true // for ever, so that a program that writes until Full stops
	}
	if c.Pending() >= c.h.high() || c.queued() || c.burst >= c.loop.mostBurst() {
		c.choke() // who learns that it is full has to get OnDrain or Drain too
		c.touch()
	}
	return c.is(choked)
}

// mostBurst returns how much a callback sends until Full is true. While events of others
// wait it is little: when thousands ask for much at once, the last of them need not wait
// until each of the others has got a large part.
func (l *Loop) mostBurst() uint32 {
	if l.taken < l.count {
		return shortBurst
	}
	return maxSend
}

// mostSend returns how much of the pending output, or of a file, is sent before the others
// have their turn. While events of others wait it is less, but more than mostBurst: to
// go on costs two calls of the poller, and an answer of 64 KB is to be sent at once.
func (l *Loop) mostSend() uint64 {
	if l.taken < l.count || l.writable.len() > 0 {
		return 3 * shortBurst
	}
	return maxSend
}

// OnDrain calls fn once, when the output has fallen to Handler.Low: after the running
// callback if it has already. If the connection closes first, fn is called after
// Handler.Close, and its next Write returns net.ErrClosed. Once Handler.Close has been
// called OnDrain does nothing.
func (c *Conn) OnDrain(fn func()) {
	c.own("OnDrain")
	if c.is(over) {
		return
	}
	x := c.extra()
	x.waiting = append(x.waiting, fn)
	c.touch()
}

// choke stops reading until the output has drained.
func (c *Conn) choke() {
	if !c.is(choked) {
		c.set(choked)
		c.loop.stats.Pauses++
		c.loop.stats.Paused++
	}
}

func (c *Conn) unchoke() {
	if c.is(choked) {
		c.clear(choked)
		c.loop.stats.Paused--
	}
}

// relax compares the output with its marks.
func (c *Conn) relax() {
	if c.Pending() >= c.h.high() {
		c.choke()
	}
	if c.is(choked) || c.more != nil && c.more.waiting != nil {
		if c.low() {
			c.later() // drained
		}
	}
}

// low reports whether the output has fallen to Low.
func (c *Conn) low() bool { return c.Pending() <= c.h.low() && !c.queued() }

// drained makes the calls that are due when the output is low: the functions that wait
// now, not those that are added meanwhile.
func (c *Conn) drained() {
	if !c.low() {
		return // it has risen again: wait for the next drain
	}
	if c.is(choked) {
		c.unchoke()
		c.replay()
		c.touch()
		if c.h.Drain != nil {
			c.h.Drain(c)
		}
	}
	if c.more == nil {
		return
	}
	for n := len(c.more.waiting); n > 0 && !c.is(closed); n-- {
		if c.loop.Late() {
			c.later()
			return
		}
		fn := c.more.waiting[0]
		c.more.waiting = slices.Delete(c.more.waiting, 0, 1)
		fn()
	}
	if len(c.more.waiting) == 0 {
		c.more.waiting = nil
	}
}

// Pending returns the number of bytes that were written and wait in memory for the
// kernel to take them. What SendFile has still to send is not included.
func (c *Conn) Pending() (n int) {
	c.own("Pending")
	if c.out != nil {
		n = len(c.out.B) - int(c.outOff)
	}
	if c.more != nil {
		n += c.pendingMore()
	}
	return n
}

// pendingMore returns how many bytes wait elsewhere than in out.
func (c *Conn) pendingMore() (n int) {
	for _, s := range c.more.queue {
		if s.buf != nil {
			n += len(s.buf.B) - int(s.off)
		}
	}
	if c.sec != plain {
		n += c.corkedSealed()
	}
	return n
}

// queued reports whether output waits after out.
func (c *Conn) queued() bool { return c.more != nil && len(c.more.queue) > 0 }

// Unsent returns how many bytes of the output the kernel has not taken: Pending, or in
// Handler.Close how many were dropped. If that is a whole request, the request never
// left, and may be sent again. Under TLS the bytes are those of records.
func (c *Conn) Unsent() int {
	c.own("Unsent")
	switch {
	case c.is(over):
		return int(c.burst)
	case c.is(deaf):
		return c.more.lost
	}
	return c.Pending()
}

// Undelivered returns how many bytes of the output the kernel still holds for the peer,
// or 0 where the system does not say (Linux does). With Pending it makes up what the
// peer has not got yet. It makes a system call.
func (c *Conn) Undelivered() int {
	if c.fd < 0 {
		return 0
	}
	return max(unsent(int(c.fd)), 0)
}

// LimitStall shortens Handler.Stall to d, for all connections of the loop and from now on,
// where it is longer or for ever. It is for a program that stops, and will not wait as long
// as usual for peers that take nothing. Zero or less lifts the limit.
func (l *Loop) LimitStall(d time.Duration) {
	l.own("Loop.LimitStall")
	l.mostStall = 0
	if d > 0 {
		l.mostStall = ticks(d)
	}
	for c := range l.Conns() {
		if c.is(blocked) && !c.is(connecting) {
			c.watchStall()
		}
	}
}

// stall returns how many ticks output may stall; 0 means for ever.
func (l *Loop) stall(h *Handler) uint32 {
	n := h.stall()
	if l.mostStall != 0 && (n == 0 || n > l.mostStall) {
		return l.mostStall
	}
	return n
}

// watchStall schedules the next check for half of the time that output may stall.
func (c *Conn) watchStall() {
	if n := c.loop.stall(c.h); n != 0 {
		c.stall = c.loop.tickIn(max(n/2, 1))
		c.schedule(c.stall)
	}
}

// stalled reports whether the peer takes nothing. The kernel reports room only when a
// good part of its buffer is free, which for a slow reader may take minutes. So what
// counts is how much the kernel still holds for the peer. That falls in steps: on the
// loopback device Linux's receivers reopen a closed window by 64 to 190 KiB at a time,
// and a Unix socket is freed by whole buffers of 36 KiB. So a peer has several checks'
// time for one step.
func (c *Conn) stalled() bool {
	const (
		least = 1 << 10 // bytes: a peer that takes less in all the checks has stalled
		looks = 8       // checks, half of Stall apart: four times Stall
	)
	if c.loop.stall(c.h) == 0 { // since SetHandler
		c.stall = 0
		return false
	}
	x := c.extra()
	switch now := max(unsent(int(c.fd)), 1); {
	case x.unread == 0 || x.unread-now >= least:
		x.unread, x.looks = now, 0
	default:
		x.looks++
	}
	if x.looks == looks {
		return true
	}
	c.watchStall()
	return false
}
