// The loop's side of a call: it sends what handlers have written, notifies them when
// their clients leave, and ends their exchanges.

package nethttp

import (
	"fmt"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/parser"
)

// A desk is what calls borrow, and the loop takes back: the functions that the
// loop calls, bound once, and buffers.
type desk struct {
	call                 *call
	step, drained, start func()
	left                 func(cause error)
	sink                 func(p []byte, last bool)
	trailer              func(name, value []byte)

	head    parser.Request // of the request; its Fields are the desk's own
	opening adapt.Opening  // the head of the answer
	fields  []byte         // its field lines
	buf     []byte         // what the handler has written and the loop has not got
	spare   []byte         // to be swapped with it
	waits   bool           // the connection is going to call drained

	begins []byte // the first bytes of the last answer whose type was detected
	kind   string // the type of that answer
}

// mostDesk is the size of a buffer that is not worth keeping.
const mostDesk = 64 << 10

var desks sync.Pool

func takeDesk() *desk {
	if d, ok := desks.Get().(*desk); ok {
		return d
	}
	d := new(desk)
	d.step, d.left, d.drained, d.start = d.onStep, d.onLeft, d.onDrained, d.onStart
	d.sink, d.trailer = d.onBody, d.onTrailer
	return d
}

// outbox is what the handler has written, on its way to the loop.
type outbox struct {
	begin  bool      // desk.opening is to be begun
	buf    []byte    // for the loop to write
	direct []byte    // to be written after buf: the handler waits in Write as long as it is here
	file   filePart  // to be sent after buf
	tail   []byte    // the last part of the body, once the handler has returned
	trails []byte    // the trailer section's lines
	taking bool      // the loop is writing buf just now
	choked bool      // the client reads slower than the handler writes
	over   bool      // nothing may follow the answer on this connection
	cut    bool      // the answer cannot be completed: close
	by     time.Time // SetWriteDeadline
}

// onStep does what the goroutine has left to do since the last time.
func (d *desk) onStep() {
	c := d.call
	c.mu.Lock()
	c.posted = false
	o, done, resume, by := c.out, c.state == returned, c.in.resume, c.in.by
	c.in.resume = false
	c.out.begin, c.out.buf, c.out.file, c.out.taking = false, nil, filePart{}, true
	c.mu.Unlock()
	if done { // what follows may call functions of the program, and these panic
		defer d.retire(c)
	} else {
		defer c.stepped(d, o.buf)
	}

	x := c.exchange()
	if resume && x != nil {
		c.w.Resume()
	}
	if done && x != nil && o.whole(&d.opening) {
		d.opening.Lines = d.fields
		c.note()
		x.Answer(d.opening, o.tail, remaining(by))
		return
	}
	if o.begin && x != nil {
		d.opening.Lines = d.fields
		if x.Begin(d.opening) != nil {
			x = c.exchange() // nil: the status was impossible, and the server has refused the request
		}
	}
	if o.over && x != nil {
		x.CloseAfter()
	}
	if len(o.buf) > 0 && x != nil {
		c.w.Write(o.buf)
	}
	if len(o.direct) > 0 && x != nil {
		c.w.Write(o.direct)
	}
	switch {
	case o.file.f == nil:
	case x != nil:
		c.w.SendFile(o.file.f, o.file.at, o.file.n)
	default:
		o.file.f.Close()
	}
	if done {
		if cap(o.buf) > cap(d.spare) {
			d.spare = o.buf
		}
		c.note()
		c.end(x, &o, by)
	}
}

// end sends the last part of the answer, and ends the exchange, unless x is nil: then that
// is over.
func (c *call) end(x adapt.Exchange, o *outbox, by time.Time) {
	switch {
	case x == nil:
	case o.cut:
		x.Cut()
	default:
		if len(o.tail) > 0 {
			c.w.Write(o.tail)
		}
		x.End(o.trails, remaining(by))
	}
}

// whole reports whether there is nothing but a head and the body that it announces: most
// answers are sent by one call.
func (o *outbox) whole(head *adapt.Opening) bool {
	return o.begin && head.Length == int64(len(o.tail)) && len(o.buf) == 0 && o.direct == nil && o.file.f == nil &&
		!o.cut && !o.over && len(o.trails) == 0 && !head.Duplex
}

// note counts the call among those of its kind.
func (c *call) note() {
	s := c.peer.site
	s.habits[c.kind].note(c.took-c.aside, c.lease != nil && c.lease.Lost(), s.adapter.wary)
}

// remaining returns the time until a deadline, or 0 if there is none.
func remaining(by time.Time) time.Duration {
	if by.IsZero() {
		return 0
	}
	return max(time.Until(by), time.Millisecond)
}

// stepped lets the handler go on, and gives its buffer back.
func (c *call) stepped(d *desk, buf []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.taking, c.out.direct = false, nil
	if cap(buf) > cap(d.spare) {
		d.spare = buf[:0]
	}
	c.watch()
	c.changed.Broadcast()
}

// watch makes the handler wait while the client does not read. c.mu is held.
func (c *call) watch() {
	if !c.out.choked && c.exchange() != nil && c.w.Full() {
		c.out.choked = true
		c.desk.waits = true
		c.w.OnDrain(c.desk.drained)
	}
}

// onDrained lets the handler go on.
func (d *desk) onDrained() {
	d.waits = false
	c := d.call
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.choked = false
	c.watch()
	c.changed.Broadcast()
}

// onLeft is called when the client has sent its FIN, and again when the exchange
// is over without our doing.
func (d *desk) onLeft(cause error) {
	c := d.call
	if c == nil {
		return // given back, and not used again
	}
	x := c.exchange()
	if x != nil {
		x.OnLeft(d.left) // it may still be reset
	}
	begun := c.leave(x == nil, cause)
	c.ctx.end()
	if x == nil && !begun {
		d.retire(c)
	}
}

// leave notes that the client is leaving, or gone for good. begun is whether the
// call has a goroutine, or will have one, and thus ends by itself.
func (c *call) leave(gone bool, cause error) (begun bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = true
	if gone && c.gone == nil {
		c.gone = errOver
		if cause != nil {
			c.gone = fmt.Errorf("%w: %w", errOver, cause)
		}
	}
	if c.notify != nil {
		select {
		case c.notify <- true:
		default:
		}
	}
	c.changed.Broadcast()
	switch {
	case !gone:
	case c.state == gathering:
		c.state = returned
		return false
	case c.state == queued:
		return !c.peer.site.adapter.pool.forget(c)
	}
	return true
}

// retire ends what the loop has to do with the call, and takes its desk back.
func (d *desk) retire(c *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.giveBack(c)
}

// giveBack is retire with c.mu held.
func (d *desk) giveBack(c *call) {
	if in := &c.in; in.buf != nil {
		bodyPool.Put(in.buf)
		in.buf = nil
	}
	c.body.closed = true
	c.peer.site.loop.Unref()
	d.call, c.desk = nil, nil
	c.out.buf, c.out.tail = nil, nil
	// If the exchange goes on, because a callback has panicked, that still knows the desk.
	if d.waits || c.exchange() != nil || cap(d.buf) > mostDesk || cap(d.spare) > mostDesk || cap(d.fields) > mostDesk {
		return
	}
	d.buf, d.fields = d.buf[:0], d.fields[:0]
	desks.Put(d)
}
