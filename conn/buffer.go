// Buffers for input that is held and output that is pending.

package conn

import (
	"slices"

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

// drop gives back a buffer of a connection. While the connections hold much it goes to
// the garbage collector: many are being reset perhaps, and what the pools keep of theirs
// would count for nobody.
func (l *Loop) drop(b *bytebufferpool.ByteBuffer) {
	if l.maxMemory <= 0 || l.stats.Held <= l.maxMemory/2 {
		putBuffer(b)
	}
}
