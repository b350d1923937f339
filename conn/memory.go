// Memory: what a loop's connections hold, and the bound on that.

package conn

import (
	"errors"
	"math"
	"math/bits"
	"runtime"
	"runtime/debug"
	"sync"
)

// ErrMemory is the error of connections that were reset because those of the loop held
// more than [Loop.MaxMemory] together, and these held most.
var ErrMemory = errors.New("conn: the connections of the loop hold more than Loop.MaxMemory, and this one more than others")

// account updates what c holds, and Stats.Held.
func (c *Conn) account() {
	n := 0
	if c.in != nil {
		n = cap(c.in.B)
	}
	if c.out != nil && c.out != c.loop.cork {
		n += cap(c.out.B)
	}
	if c.more != nil {
		for _, s := range c.more.queue {
			if s.buf != nil {
				n += cap(s.buf.B)
			}
		}
	}
	if c.sec != plain && !c.is(closed) { // else another loop may have it by now: see Detach
		n += c.more.tls.holds()
	}
	n = min(n+int(c.charged), math.MaxInt32)
	c.loop.stats.Held += n - int(c.holds)
	if !c.is(closed) {
		c.loop.holders.move(c.holds, uint32(n))
	}
	c.holds = uint32(n)
}

// release ends the account of c, which has given back all that it held.
func (c *Conn) release() {
	c.loop.stats.Held -= int(c.holds)
	c.holds, c.charged = 0, 0
}

// Charge counts n more bytes that the connection's protocol holds for it, or n fewer if
// n is negative, among those that [Loop.MaxMemory] bounds: a message or a body that is
// being collected, until it is handed on. Call it with the growth of the buffer's
// capacity when that grows, and with the negative sum when the buffer is released. What
// is still charged when the connection ends is released then; afterwards Charge does
// nothing. It closes no connection at once: those that hold most are reset in this turn or
// the next, if all hold too much.
func (c *Conn) Charge(n int) {
	c.own("Charge")
	if c.is(over) {
		return
	}
	c.charged = uint32(min(max(int64(c.charged)+int64(n), 0), math.MaxInt32))
	c.account()
}

// Charge is [Conn.Charge] for bytes that are held for many connections together, such as
// messages that are still to be written to them. It reports whether all bytes that are
// charged in this way are less than a quarter of [Loop.MaxMemory]. If they are not, the
// caller should release some: resetting connections does not.
func (l *Loop) Charge(n int) bool {
	l.own("Loop.Charge")
	n = max(n, -l.common)
	l.common += n
	l.stats.Held += n
	return l.maxMemory <= 0 || l.common < l.maxMemory/4
}

// MemoryLimit returns the bound in bytes that MaxMemory stands for; 0: there is none. It may
// be called from any goroutine.
func (l *Loop) MemoryLimit() int {
	if l.MaxMemory == 0 {
		return memoryShare()
	}
	return max(l.MaxMemory, 0)
}

// holders counts the bytes that connections hold which are not closed: all, and in classes of
// connections that hold about as much. So the loop knows how much a connection has to hold to
// be among those that hold most, without going through them.
type holders struct {
	sum   int
	class [numClasses]int
}

// A class spans an eighth of a power of two.
const (
	classBits  = 3
	numClasses = 32 << classBits
)

// classOf returns the class of connections that hold n bytes.
func classOf(n uint32) int {
	shift := max(bits.Len32(n)-classBits-1, 0)
	return shift<<classBits + int(n>>shift)
}

// move notes that a connection holds to bytes, where it held from.
func (h *holders) move(from, to uint32) {
	if from != to {
		h.sum += int(to) - int(from)
		h.class[classOf(from)] -= int(from)
		h.class[classOf(to)] += int(to)
	}
}

// most returns the highest class for which it and those above it have n bytes.
func (h *holders) most(n int) int {
	c := numClasses - 1
	for ; c > 0; c-- {
		if n -= h.class[c]; n <= 0 {
			break
		}
	}
	return c
}

// crowded reports whether what the connections hold is more than part of four parts of what
// they may. Those that are closed already do not count.
func (l *Loop) crowded(part int) bool {
	return l.maxMemory > 0 && l.common+l.holders.sum > l.maxMemory/4*part
}

// A shedding is a walk through the loop's connections that closes those which hold most, until
// the others hold a quarter less than they may. A walk takes a while, so it is done in portions;
// and with as much room made, it is seldom.
type shedding struct {
	left   int    // slots that the walk has still to look at; 0: there is none
	next   uint32 // the next of them: the walk goes on where the last one ended
	least  int    // connections of this class and above are closed
	closed int
	silent int64 // the value of Loop.elapsed until which nothing is logged
}

// shed begins a walk if the connections hold too much, and goes on with one.
func (l *Loop) shed() {
	w := &l.shedding
	if w.left == 0 {
		if !l.crowded(4) || l.holders.sum == 0 {
			return
		}
		w.left, w.closed = len(l.slots.pages)*pageSize, 0
		w.least = l.holders.most(l.common + l.holders.sum - l.maxMemory/4*3)
	}
	for ; w.left > 0 && l.crowded(3); w.left-- {
		if !l.more() {
			return
		}
		if w.next++; int(w.next>>pageBits) >= len(l.slots.pages) {
			w.next = 0
		}
		c := connOf(l.slots.at(w.next).owner)
		if c == nil || c.is(closed) || c.holds == 0 || classOf(c.holds) < w.least {
			continue
		}
		w.closed++
		l.stats.Shed++
		c.drop(ErrMemory)
		l.settle()
	}
	w.left = 0
	if l.Log != nil && w.closed > 0 && l.elapsed >= w.silent {
		w.silent = l.elapsed + warnEvery
		l.Log.Warn("conn: connections hold too much, those that hold most are closed", "closed", w.closed, "held", l.stats.Held, "most", l.maxMemory)
	}
}

// memoryShare is the default of MaxMemory: an eighth of the memory that the process may
// have, divided by the number of processors. The heap grows to up to three times of what
// is held, so a process under attack leaves room for others.
var memoryShare = sync.OnceValue(func() int {
	const least = 16 << 20
	total := min(machineMemory(), uint64(debug.SetMemoryLimit(-1)))
	share := total / 8 / uint64(runtime.GOMAXPROCS(0))
	return int(min(max(share, least), math.MaxInt/2))
})
