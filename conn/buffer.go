// Buffers for input that is held and output that is pending, what a loop's
// connections hold of them, and the bound on that.

package conn

import (
	"cmp"
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/valyala/bytebufferpool"
)

// buffers are pools by size, so that a large buffer is not lent to a connection that
// needs little, and may keep it for long.
var buffers [3]bytebufferpool.Pool

func shelf(size int) *bytebufferpool.Pool {
	switch {
	case size <= 1<<10:
		return &buffers[0]
	case size <= 16<<10:
		return &buffers[1]
	}
	return &buffers[2]
}

// getBuffer lends an empty buffer with room for n bytes.
func getBuffer(n int) *bytebufferpool.ByteBuffer {
	b := shelf(n).Get()
	b.B = slices.Grow(b.B[:0], n)
	return b
}

// putBuffer takes one back. In debug builds it is not lent again, so that bytes which
// were kept read as poison for ever.
func putBuffer(b *bytebufferpool.ByteBuffer) {
	if !debugging {
		shelf(cap(b.B)).Put(b)
	}
}

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
	n = min(n, math.MaxInt32)
	c.loop.stats.Held += n - int(c.holds)
	c.holds = uint32(n)
}

// crowded reports whether the connections hold more than they may.
func (l *Loop) crowded() bool { return l.maxMemory > 0 && l.stats.Held > l.maxMemory }

// shed closes the connections that hold most, until the others hold a quarter less
// than they may. Going through all of them takes a while: with that much room made, it
// does not happen at every turn.
func (l *Loop) shed() {
	var list []*Conn
	held := 0 // bytes of connections that are not closed already
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

// memoryShare is the default of MaxMemory: a quarter of the memory that the process may
// have, divided by the number of processors.
var memoryShare = sync.OnceValue(func() int {
	const least = 16 << 20
	total := min(machineMemory(), uint64(debug.SetMemoryLimit(-1)))
	share := total / 4 / uint64(runtime.GOMAXPROCS(0))
	return int(min(max(share, least), math.MaxInt/2))
})
