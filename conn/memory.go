// Memory: what a loop's connections hold, and the bound on that.

package conn

import (
	"cmp"
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
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
// nothing. It closes no connection at once: those that hold most are reset after the
// running callback, if all hold too much.
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

// crowded reports whether the connections hold more than they may.
func (l *Loop) crowded() bool { return l.maxMemory > 0 && l.stats.Held > l.maxMemory }

// shed closes the connections that hold most, until the others hold a quarter less
// than they may. Going through all of them takes a while: with that much room made, it
// does not happen at every turn.
func (l *Loop) shed() {
	var list []*Conn
	held := l.common // and bytes of connections that are not closed already
	for c := range l.Conns() {
		if c.holds > 0 {
			list = append(list, c)
			held += int(c.holds)
		}
	}
	if held <= l.maxMemory {
		return
	}
	slices.SortFunc(list, func(a, b *Conn) int { return cmp.Compare(b.holds, a.holds) })
	n := 0
	for _, c := range list {
		if held <= l.maxMemory/4*3 {
			break
		}
		held -= int(c.holds)
		c.drop(ErrMemory)
		n++
	}
	l.stats.Shed += uint64(n)
	if l.Log != nil && l.elapsed >= l.shedSilent {
		l.shedSilent = l.elapsed + warnEvery
		l.Log.Warn("conn: connections hold too much, those that hold most are closed", "closed", n, "held", l.stats.Held, "most", l.maxMemory)
	}
	l.settle()
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
