// Output: collected during a callback, sent at its end. Only what the kernel does
// not take is kept, in a pooled buffer.

package conn

import (
	"net"
	"os"
	"slices"
	"unsafe"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/internal/sys"
)

// Write sends all of p: what the kernel does not take now is copied, and sent when it
// does. The caller may use p again on return. What is written during one callback is
// sent together at its end. The error is net.ErrClosed after Close, CloseWrite or the
// end of the connection. It is [ErrBacklog] when more than Handler.Max bytes are
// pending already, which aborts the connection.
func (c *Conn) Write(p []byte) (int, error) {
	c.own("Write")
	if b := c.collecting(len(p)); b != nil && builtIn(b.B, p) {
		b.B = b.B[:len(b.B)+len(p)]
		return len(p), nil
	}
	if err := c.writable(); err != nil {
		return 0, err
	}
	c.put(p)
	return len(p), nil
}

// WriteString is Write of a string.
func (c *Conn) WriteString(s string) (int, error) {
	c.own("WriteString")
	return c.Write(unsafe.Slice(unsafe.StringData(s), len(s))) // Write only reads it
}

// Writev writes the pieces in order, as one Write of them put together.
func (c *Conn) Writev(pieces ...[]byte) (int, error) {
	c.own("Writev")
	if err := c.writable(); err != nil {
		return 0, err
	}
	n := 0
	for _, p := range pieces {
		n += len(p)
	}
	if n == 0 || n >= corkSize || c.sec != plain {
		for _, p := range pieces {
			c.put(p)
		}
		return n, nil
	}
	b := c.tail(n)
	for _, p := range pieces {
		*b = append(*b, p...)
	}
	c.collected()
	return n, nil
}

// AvailableBuffer returns an empty slice with room for n bytes. Append to it and pass
// it to the next Write, which then need not copy it. It is valid until that Write, and
// no longer than the running callback.
func (c *Conn) AvailableBuffer(n int) []byte {
	c.own("AvailableBuffer")
	l, b := c.loop, c.out
	if b != nil && c.more == nil && n < corkSize && n <= cap(b.B)-len(b.B) {
		return b.B[len(b.B):]
	}
	if b == nil && !l.corked {
		b = l.cork // makeRoom will choose it too
	}
	switch {
	case n > corkSize:
		return make([]byte, 0, n) // too large to keep for reuse
	case b == nil || c.sec != plain || c.queued():
		l.spare = slices.Grow(l.spare[:0], n)
		return l.spare
	}
	b.B = slices.Grow(b.B, n)
	return b.B[len(b.B):]
}

// collecting returns the buffer that has collected other output of the running callback,
// if n bytes more may follow that with nothing else to check or to do. Otherwise it
// returns nil. It halves what output costs where an answer follows another.
func (c *Conn) collecting(n int) *bytebufferpool.ByteBuffer {
	b := c.out
	if b == nil || c.more != nil || c.flags&(dirty|shut|closing|closed|deaf) != dirty || len(b.B)+n >= corkSize || len(b.B) > c.h.max() {
		return nil
	}
	return b
}

// builtIn reports whether p was built in the room after b: see AvailableBuffer.
func builtIn(b, p []byte) bool {
	end := len(b) + len(p)
	return len(p) > 0 && end <= cap(b) && &p[0] == &b[:end][len(b)]
}

// put is Write without its checks.
func (c *Conn) put(p []byte) {
	if c.sec != plain {
		c.putSealed(p)
		return
	}
	if len(p) >= corkSize && c.sendNow(p) || len(p) == 0 {
		return
	}
	b := c.tail(len(p))
	if builtIn(*b, p) {
		*b = (*b)[:len(*b)+len(p)]
	} else {
		*b = append(*b, p...)
	}
	c.collected()
}

// Unwrite takes back the last n bytes that were written, and reports whether that
// was possible. It is not if the kernel or TLS has taken any of them.
func (c *Conn) Unwrite(n int) bool {
	c.own("Unwrite")
	b := c.out
	if b == nil || c.sec != plain || c.queued() || len(b.B)-int(c.outOff) < n {
		return false
	}
	b.B = b.B[:len(b.B)-n]
	return true
}

// collected notes that there is output to send, and sends it if it is much.
func (c *Conn) collected() {
	c.touch()
	if c.out != nil && len(c.out.B)-int(c.outOff) >= corkSize {
		c.send()
	}
}

// deafened reports whether the connection goes on although the peer takes no more
// output. A peer that closes without reading all that we sent resets the connection,
// but what it sent before may still have to be read: the answer that says why an
// upload was refused. From now on output is dropped, and Handler.Close gets the error
// once the input has ended.
func (c *Conn) deafened(op string, errno sys.Errno) bool {
	if errno != sys.EPIPE && errno != sys.ECONNRESET || c.is(ended|closing) || !c.takesAll() {
		return false
	}
	x := c.extra()
	x.lost = c.Pending()
	x.err = os.NewSyscallError(op, errno)
	c.set(deaf)
	c.clear(blocked)
	return true
}

func (c *Conn) writable() error {
	if c.is(shut | closing | closed | deaf) {
		return net.ErrClosed
	}
	if c.Pending() > c.h.max() {
		c.drop(ErrBacklog)
		return ErrBacklog
	}
	return nil
}

// tail returns the buffer to which output of n bytes is appended.
func (c *Conn) tail(n int) *[]byte {
	if c.queued() {
		return c.more.tail()
	}
	return c.front(n)
}

// front is tail, but goes before what is queued.
func (c *Conn) front(n int) *[]byte {
	if c.out == nil || c.outOff != 0 {
		c.makeRoom(n)
	}
	return &c.out.B
}

// makeRoom finds a buffer for output, the loop's cork as a rule; or it moves what is
// left in the buffer to its front.
func (c *Conn) makeRoom(n int) {
	switch l := c.loop; {
	case c.out == nil && !l.corked && n <= corkSize:
		l.corked, c.out = true, l.cork
	case c.out == nil:
		l.lend(c)
		c.out = getBuffer(n)
	case len(c.out.B)+n > cap(c.out.B) && int(c.outOff) > len(c.out.B)/2:
		c.out.B = append(c.out.B[:0], c.out.B[c.outOff:]...)
		c.outOff = 0
	}
}

// lend notes that a pooled buffer collects the output of c. A callback that writes to
// thousands of connections, a broadcast, would otherwise hold a buffer for each until
// it returns; with maxLent of them lent, their output is sent first.
func (l *Loop) lend(c *Conn) {
	if len(l.lent) == maxLent {
		for _, d := range l.lent {
			d.send()
		}
		clear(l.lent)
		l.lent = l.lent[:0]
	}
	l.lent = append(l.lent, c)
}

// sendNow gives p to the kernel at once, together with what is pending, instead of
// copying it first. It returns false if p has to wait after what is pending.
func (c *Conn) sendNow(p []byte) bool {
	if c.is(blocked|connecting) || c.queued() {
		return false
	}
	var head []byte
	if c.out != nil {
		head = c.out.B[c.outOff:]
	}
	c.touch()
	n := c.kernel(head, p) - len(head)
	if c.is(closed) {
		return true
	}
	if n < 0 {
		c.taken(n + len(head))
		if c.out == c.loop.cork {
			c.uncork()
		}
		return false
	}
	if c.out != nil {
		c.dropOut()
	}
	if n < len(p) {
		c.out = getBuffer(len(p) - n)
		c.out.B = append(c.out.B, p[n:]...)
	}
	return true
}

// kernel writes a and b to the socket, and returns how much the socket took. Less than
// all means that the connection is blocked, or has failed.
func (c *Conn) kernel(a, b []byte) int {
	if c.is(deaf) {
		return len(a) + len(b)
	}
	if len(a)+len(b) >= corkSize {
		c.bound()
	}
	last := c.last()
	c.loop.called()
	n, errno := write(int(c.fd), a, b, last || c.fileFollows())
	c.loop.stats.Writes++
	if errno == sys.EAGAIN || errno == sys.EINTR {
		n, errno = 0, 0
	}
	if errno != 0 {
		if c.deafened("write", errno) {
			return len(a) + len(b)
		}
		c.fail(os.NewSyscallError("write", errno))
		return 0
	}
	switch {
	case n < len(a)+len(b):
		c.set(blocked)
	case last:
		c.set(held)
	}
	c.sent(n)
	return n
}

// bound is called before much is sent. It bounds what the kernel takes for a peer that does
// not read, 2 to 4 MB by itself: thousands of such peers would cost the others seconds of
// copying, and the machine its memory. Most connections never send much, and save the call.
func (c *Conn) bound() {
	if !c.is(bounded) {
		c.set(bounded)
		boundUnsent(int(c.fd))
	}
}

// last reports whether only our FIN follows the output, and can leave in the segment of
// the last bytes. That saves one segment: a tenth of the cost of a one-request
// connection.
func (c *Conn) last() bool {
	return joinsFIN && c.is(closing|shut) && !c.queued() && (c.sec == plain || c.more.tls.bye)
}

// fileFollows reports whether a file follows the output, and can leave in the segment of
// its last bytes: the head of an answer would otherwise be a segment of its own.
func (c *Conn) fileFollows() bool {
	return c.queued() && c.sec == plain && c.more.queue[0].file != nil && c.more.queue[0].n > 0
}

// send gives the kernel what it takes of the pending output, but no more than
// the loop's other connections can wait for.
func (c *Conn) send() {
	begin := c.loop.stats.BytesOut
	for !c.is(blocked | connecting | closed) {
		if c.loop.stats.BytesOut-begin >= c.loop.mostSend() {
			c.set(blocked) // the poller reports room at once, and the next turn goes on
			c.sent(0)
			break
		}
		if c.out == nil {
			if !c.queued() || c.sec == shaking {
				return
			}
			c.sendQueued()
			continue
		}
		p := c.out.B[c.outOff:]
		if n := c.kernel(p, nil); n < len(p) {
			c.taken(n)
		} else {
			c.dropOut()
		}
	}
	if c.out != nil && c.out == c.loop.cork && !c.is(closed) {
		c.uncork()
	}
}

// taken notes that the kernel took n bytes of out, but not all.
func (c *Conn) taken(n int) {
	c.outOff += uint32(n)
	if c.outOff > 1<<30 && c.out != c.loop.cork { // before it overflows: one call takes less than 2 GiB
		c.out.B, c.outOff = c.out.B[c.outOff:], 0
	}
}

// sent counts progress. If the kernel takes no more, it makes the wheel check later
// whether there is any.
func (c *Conn) sent(n int) {
	if n > 0 {
		c.loop.stats.BytesOut += uint64(n)
		c.burst += uint32(n)
		c.stall = 0
		if c.more != nil {
			c.more.unread, c.more.looks = 0, 0
		}
		c.extend()
	}
	if c.stall == 0 && c.is(blocked) {
		c.watchStall()
	}
}

// uncork moves what the kernel did not take out of the loop's cork, which the next
// callback needs.
func (c *Conn) uncork() {
	rest := c.out.B[c.outOff:]
	b := getBuffer(len(rest))
	b.B = append(b.B, rest...)
	c.dropOut()
	c.out = b
}

// dropOut gives the output's buffer back.
func (c *Conn) dropOut() {
	if c.out == c.loop.cork {
		c.out.B = c.out.B[:0]
		c.loop.corked = false
	} else {
		c.loop.drop(c.out)
	}
	c.out, c.outOff = nil, 0
}

func (c *Conn) dropOutput() {
	if c.out != nil {
		c.dropOut()
	}
	for c.queued() {
		c.more.dropFirst()
	}
	if c.sec != plain {
		c.dropCork()
	}
}
