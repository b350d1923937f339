// The Body of a request: the loop fills a bounded buffer, the
// handler empties it, and in between the client waits.

package nethttp

import (
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

// body is Request.Body. The fields are guarded by call.mu.
type body struct {
	call   *call
	closed bool
	err    error // sticky
}

// Read waits for the client. A client that waits for it is told to continue by
// the first Read.
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
		case c.gone != nil:
			b.err = io.ErrUnexpectedEOF
		case overdue(c.readBy):
			b.err = os.ErrDeadlineExceeded
		default:
			if !in.wanted {
				in.wanted = true
				c.w.Post(c.desk.start)
			}
			c.wait(c.readBy)
		}
	}
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

// Close ends the reading. What is left is dropped, or costs the connection,
// once the handler has returned.
func (b *body) Close() error {
	b.call.mu.Lock()
	defer b.call.mu.Unlock()
	b.closed = true
	return nil
}

func overdue(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }

// wait sleeps until something has changed, or the deadline has come. c.mu is
// held, but not meanwhile.
func (c *call) wait(deadline time.Time) {
	if !deadline.IsZero() {
		t := time.AfterFunc(time.Until(deadline), func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.changed.Broadcast()
		})
		defer t.Stop()
	}
	c.changed.Wait()
}

// onBody takes what arrives: it is the sink of Request.Stream.
func (d *desk) onBody(p []byte, last bool) {
	c := d.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return // the session drops the rest
	}
	in := &c.in
	if len(p) > 0 {
		if in.buf == nil {
			in.buf = bodyPool.Get()
		}
		in.buf.B = append(in.buf.B, p...)
	}
	most := mostBody
	if c.cancel == nil {
		most = 1 // it waits for a goroutine: what came with the head is enough
	}
	if in.ended = last; !last && len(in.buf.B)-in.off >= most {
		in.paused = true
		c.w.Pause()
	}
	c.changed.Broadcast()
}

// onTrailer takes a field of the trailer section, in front of the last onBody.
func (d *desk) onTrailer(name, value []byte) {
	in := &d.call.in
	if in.fields == nil {
		in.fields = make(http.Header)
	}
	in.fields.Add(string(name), string(value))
}

// onStart begins to read a body whose client waits to be told to send it.
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
