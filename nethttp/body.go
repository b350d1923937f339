// The Body of a request: the loop fills a bounded buffer, the
// handler empties it, and in between the client waits.

package nethttp

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"time"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/server"
)

var bodyPool bytebufferpool.Pool

const (
	// mostBody of a request's body is read ahead of the handler; what one read
	// of the socket brings may come on top. When the handler has read it down
	// to lowBody the rest follows.
	mostBody = 32 << 10
	lowBody  = 8 << 10
)

// leastRate is how many bytes of a body have to come in a second that the handler
// waits for them, beside BodyTimeout once: else few clients could hold many
// workers for as long as they like.
const leastRate = 1 << 10

// inbox is the part of a request's body that the handler has not read.
type inbox struct {
	wanted  bool // the body is being read from the client, or about to be
	paused  bool // reading is paused: the buffer holds enough
	resume  bool // reading is to go on: the buffer has room again
	untimed bool // SetReadDeadline was called: BodyTimeout is off
	late    bool // the deadline has passed in a Read
	ended   bool // all of the body has come
	buf     *bytebufferpool.ByteBuffer
	off     int
	got     int64         // bytes of the body that have come
	waited  time.Duration // how long Read has waited, in all
	by      time.Time     // the deadline of SetReadDeadline
	fields  http.Header   // fields of the trailer section
}

// body is Request.Body. The fields are guarded by call.mu.
type body struct {
	call   *call
	closed bool
	err    error // what Read returns from now on
}

// Read waits for the client. The first Read sends 100 Continue to a client that waits for
// it.
func (b *body) Read(p []byte) (int, error) {
	c := b.call
	c.mu.Lock()
	defer c.mu.Unlock()
	in := &c.in
	for {
		switch {
		case b.closed:
			return 0, http.ErrBodyReadAfterClose
		case b.err != nil:
			return 0, b.err
		case len(p) == 0:
			return 0, nil
		case in.buf != nil:
			return c.take(p)
		case in.ended:
			b.end()
		case errors.Is(c.gone, os.ErrDeadlineExceeded):
			b.err = os.ErrDeadlineExceeded
		case c.gone != nil:
			b.err = io.ErrUnexpectedEOF
		case overdue(in.by):
			in.late = true
			b.err = os.ErrDeadlineExceeded
		case c.tooSlow():
			b.err = os.ErrDeadlineExceeded
		default:
			if !in.wanted {
				in.wanted = true
				c.w.Post(c.desk.start)
			}
			c.waitBody()
		}
	}
}

// waitBody waits for more of the body, and counts how long. c.mu is held.
func (c *call) waitBody() {
	in, limit := &c.in, c.peer.site.bodyTimeout
	if in.untimed || limit < 0 {
		c.wait(in.by)
		return
	}
	began := time.Now()
	c.wait(began.Add(c.patience()))
	in.waited += time.Since(began)
}

// patience returns how much longer Read may wait, which depends on how much has come.
func (c *call) patience() time.Duration {
	return c.peer.site.bodyTimeout + time.Duration(c.in.got)*time.Second/leastRate - c.in.waited
}

// tooSlow reports whether the client takes too long to send the body, and if so makes
// the server refuse with 408. c.mu is held.
func (c *call) tooSlow() bool {
	if c.in.untimed || c.peer.site.bodyTimeout < 0 || c.patience() > 0 {
		return false
	}
	c.w.Post(func() {
		if x := c.exchange(); x != nil {
			x.Refuse(http.StatusRequestTimeout, "the body came too slowly")
		}
	})
	return true
}

// take reads from the buffer, which is not empty. c.mu is held.
func (c *call) take(p []byte) (int, error) {
	in, b := &c.in, &c.body
	n := copy(p, in.buf.B[in.off:])
	in.off += n
	left := len(in.buf.B) - in.off
	if left == 0 {
		bodyPool.Put(in.buf)
		in.buf, in.off = nil, 0
	}
	if in.paused && left <= lowBody {
		in.paused, in.resume = false, true
		c.post()
	}
	if in.ended && left == 0 {
		b.end()
		return n, b.err
	}
	return n, nil
}

// end is the body's end as it should be.
func (b *body) end() {
	b.err = io.EOF
	if c := b.call; c.in.fields != nil {
		if c.req.Trailer == nil {
			c.req.Trailer = make(http.Header)
		}
		maps.Copy(c.req.Trailer, c.in.fields)
	}
}

// Close ends the reading. Once the handler has returned, the rest of the body is
// discarded, or the connection closed.
func (b *body) Close() error {
	b.call.mu.Lock()
	defer b.call.mu.Unlock()
	b.closed = true
	return nil
}

// onBody takes what arrives: it is the sink of Request.Stream.
func (d *desk) onBody(p []byte, last bool) {
	c := d.call
	if c == nil {
		return // given back, and not used again
	}
	begin := c.receive(p, last)
	if x := c.exchange(); x != nil {
		x.Hold(c.holds())
		if begin {
			c.submit(x)
		}
	}
}

// holds returns how many bytes the call holds of its request. A small head costs less
// than it would to count it.
func (c *call) holds() (n int) {
	if len(c.head) >= 1<<10 {
		n = len(c.head)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in.buf != nil {
		n += cap(c.in.buf.B)
	}
	return n
}

// receive keeps p, and reports whether the call has gathered enough to begin.
func (c *call) receive(p []byte, last bool) (begin bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= returned {
		return false // the session discards the rest
	}
	in := &c.in
	if len(p) > 0 {
		if in.buf == nil {
			in.buf = bodyPool.Get()
		}
		in.buf.B = append(in.buf.B, p...)
		in.got += int64(len(p))
	}
	most := mostBody
	if c.state == queued {
		most = 1 // it waits for a goroutine: what there is is enough
	}
	in.ended = last
	if !last && len(in.buf.B)-in.off >= most {
		in.paused = true
		c.w.Pause()
	}
	c.changed.Broadcast()
	if last && c.state == running {
		c.peer.site.adapter.pool.arrived(c)
	}
	return c.state == gathering && (last || in.paused)
}

// onTrailer takes a field of the trailer section, before the last onBody.
func (d *desk) onTrailer(name, value []byte) {
	if d.call == nil {
		return
	}
	in := &d.call.in
	if in.fields == nil {
		in.fields = make(http.Header)
	}
	in.fields.Add(string(name), string(value))
}

// onStart begins to read a body whose client waits for 100 Continue.
func (d *desk) onStart() {
	c := d.call
	if c == nil {
		return
	}
	server.Request(c.w).Stream(d.sink)
	c.mu.Lock()
	untimed := c.in.untimed
	c.mu.Unlock()
	if x := c.exchange(); untimed && x != nil {
		x.BodyTimeout(0)
	}
}
