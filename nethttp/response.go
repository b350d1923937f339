// The http.ResponseWriter: what the handler writes is collected, as net/http does, so
// that a small answer gets a Content-Length and is sent in one piece. Then it is handed
// to the loop.

package nethttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/internal/field"
	"github.com/lurcher-net/lurcher/parser"
)

var _ io.ReaderFrom = (*response)(nil)

const (
	// wholeMost is the size up to which an answer that was not flushed is given
	// a Content-Length: that of net/http.
	wholeMost = 2 << 10
	// From promptLeast bytes on, what has collected goes to the loop if that has room. When
	// mostWritten have collected, Write waits for the loop, and thus for the client.
	promptLeast = 4 << 10
	mostWritten = 32 << 10

	// A piece of at least directLeast is not copied: Write waits until the loop has taken
	// it. On a goroutine of the pool to wait costs more than to copy what there is room for.
	// More than mostDirect goes in pieces, so that the client's pace counts.
	directLeast = 16 << 10
	mostDirect  = 64 << 10

	sniffed = 512 // http.DetectContentType looks at so many bytes
)

var (
	errReturned = errors.New("nethttp: the handler has returned, and its answer is complete")
	errOver     = fmt.Errorf("nethttp: the exchange is over: %w", net.ErrClosed)
	errTaken    = errors.New("nethttp: the body is being read already")
)

// response is what a handler writes to. As with net/http its methods are for
// one goroutine at a time; the lock is against handlers that break this. It comes
// before call.mu.
type response struct {
	call   *call
	mu     sync.Mutex
	header http.Header
	status int // 0: WriteHeader is to come

	notes     notes // what the fields say, as of WriteHeader
	length    int64 // Content-Length, or adapt.Chunked
	written   int64
	committed bool // the head is settled: it is in desk.opening, its lines in desk.fields
	taken     bool // and the loop has got it
	hijacked  bool
	done      bool
	duplex    bool
	announced []string // by the Trailer field
}

// Header returns the map of fields that WriteHeader sends.
func (r *response) Header() http.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.header == nil {
		r.header = make(http.Header)
	}
	return r.header
}

// WriteHeader sets the status and freezes the fields. For 1xx it sends them.
func (r *response) WriteHeader(code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writeHeader(code)
}

func (r *response) writeHeader(code int) {
	switch {
	case r.done:
		return
	case r.hijacked:
		r.complain("http: response.WriteHeader on hijacked connection")
		return
	case r.status != 0:
		r.complain("http: superfluous response.WriteHeader call")
		return
	case code < 100 || code > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", code))
	case code < 200 && code != http.StatusSwitchingProtocols:
		fields, _ := appendHeader(nil, r.header, code)
		r.call.do(func(x adapt.Exchange) { x.Inform(code, fields) })
		return
	}
	r.status = code
	d := r.call.desk
	d.fields, r.notes = appendHeader(d.fields[:0], r.header, code)
	r.length = r.notes.length
	for _, line := range r.header["Trailer"] {
		for name := range elements(line) {
			if key := http.CanonicalHeaderKey(name); field.MayTrail(key) {
				r.announced = append(r.announced, key)
			}
		}
	}
	switch n := &r.notes; {
	case n.badLength:
		r.complain("http: invalid Content-Length")
		r.header.Del("Content-Length")
	case n.measured && n.transfer && !n.identity:
		r.complain("http: WriteHeader called with both Transfer-Encoding and Content-Length")
		r.length = adapt.Chunked
	case n.coding != "" && r.call.req.ProtoMinor == 0:
		r.complain("http: Transfer-Encoding to a client of HTTP/1.0, which knows none")
	}
}

// complain logs a mistake of the handler, once for each place. The program's log
// may panic, and does so in the handler.
func (r *response) complain(what string) {
	where := "?"
	var pc [16]uintptr
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc[:])])
	for f, more := frames.Next(); ; f, more = frames.Next() {
		if !strings.Contains(f.Function, "/nethttp.(*response).") || !more {
			where = fmt.Sprintf("%s (%s:%d)", f.Function, f.File, f.Line)
			break
		}
	}
	s := r.call.peer.site
	if _, told := s.adapter.told.LoadOrStore(what+where, true); !told {
		s.log.Warn(what, "from", where)
	}
}

// Write implements http.ResponseWriter. It waits while the client does not read.
func (r *response) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.write(p)
}

// WriteString is Write of a string.
func (r *response) WriteString(s string) (int, error) {
	return r.Write(unsafe.Slice(unsafe.StringData(s), len(s))) // Write only reads it
}

func (r *response) write(p []byte) (int, error) {
	if err := r.room(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	d := r.call.desk
	switch {
	case r.committed:
	case len(d.buf)+len(p) <= wholeMost:
		d.buf = append(d.buf, p...)
		return len(p), nil
	case len(d.buf) == 0:
		r.commit(false, p)
	default: // the bytes that show the type have to be in one piece
		n := min(max(sniffed-len(d.buf), 0), len(p))
		d.buf = append(d.buf, p[:n]...)
		r.commit(false, d.buf)
		p2, err := r.put(p[n:])
		return n + p2, err
	}
	return r.put(p)
}

// room reports whether n more bytes may be written, and counts them.
func (r *response) room(n int) error {
	switch {
	case r.hijacked:
		return http.ErrHijacked
	case r.done:
		return errReturned
	}
	if r.status == 0 {
		r.writeHeader(http.StatusOK)
	}
	if n == 0 {
		return nil
	}
	if !hasBody(r.status) {
		return http.ErrBodyNotAllowed
	}
	r.written += int64(n)
	if r.length >= 0 && r.written > r.length {
		return http.ErrContentLength
	}
	return nil
}

// put writes a part of the body after a committed head.
func (r *response) put(p []byte) (n int, err error) {
	c := r.call
	if c.headOnly() {
		return len(p), c.whyGone()
	}
	d := c.desk
	for len(p) > 0 {
		k := len(p)
		switch room := mostWritten - len(d.buf); {
		case k >= directLeast && (k > room || c.lease != nil):
			k = min(k, mostDirect)
			err = r.push(outgoing{direct: p[:k]})
		case k > room:
			k = room
			d.buf = append(d.buf, p[:k]...)
			err = r.push(outgoing{})
		default:
			d.buf = append(d.buf, p...)
			if len(d.buf) >= promptLeast {
				err = r.push(outgoing{optional: true})
			}
		}
		if err != nil {
			return n, err
		}
		n, p = n+k, p[k:]
	}
	return n, nil
}

// Flush implements http.Flusher.
func (r *response) Flush() { r.FlushError() }

// FlushError hands all that was written to the loop. It is for
// http.ResponseController.
func (r *response) FlushError() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.hijacked:
		return http.ErrHijacked
	case r.done:
		return errReturned
	}
	err := r.flush()
	r.call.lease.Leave() // the loop sends when it goes on, and the handler may go on for long
	return err
}

func (r *response) flush() error {
	if r.status == 0 {
		r.writeHeader(http.StatusOK)
	}
	if !r.committed {
		if r.tunnel() {
			return nil // the head is for Hijack to send
		}
		r.commit(false, r.call.desk.buf)
	}
	return r.push(outgoing{})
}

// settleHead settles the head if the handler has returned before that was done. The whole
// body is in the buffer then. r.mu is held.
func (r *response) settleHead() {
	if r.status == 0 {
		r.writeHeader(http.StatusOK)
	}
	if !r.committed {
		r.commit(true, r.call.desk.buf)
	}
}

// settleEnd notes what comes after the body, once the handler has returned: a trailer
// section, or the connection's end. c.mu and r.mu are held.
func (r *response) settleEnd() {
	c := r.call
	if r.length == adapt.Chunked && !r.notes.identity {
		c.out.trails = r.trailer(nil)
	}
	c.out.over = r.length >= 0 && r.written > r.length && !c.headOnly() || // the handler has written too much
		c.in.late && !c.in.ended // or the client has not sent its body in time
}

// commit makes the head that goes to the loop with what is in the buffer. whole says that
// this is the whole answer, so that its length is known. begins are the answer's first
// bytes, from which its type is detected. r.mu is held.
func (r *response) commit(whole bool, begins []byte) {
	c := r.call
	d, n := c.desk, &r.notes
	r.committed = true
	content := hasBody(r.status)
	if content && !n.typed && !n.coded && !n.transfer && len(begins) > 0 {
		d.fields = append(append(append(d.fields, "Content-Type: "...), d.contentType(begins)...), "\r\n"...)
	}
	head := c.headOnly()
	if whole && content && !n.trailer && !n.transfer && !n.measured && r.length == adapt.Chunked && (!head || len(d.buf) > 0) {
		r.length = int64(len(d.buf))
	}
	o := &d.opening
	*o = r.opening()
	switch {
	case !content:
		o.Length = adapt.Chunked
	case head && r.length == adapt.Chunked:
		o.Length = adapt.Unsaid
	case r.length == adapt.Chunked && n.identity:
		o.Length = adapt.UntilClose
	}
	if head {
		d.buf = d.buf[:0]
	}
	if d.head.Framing == parser.NoBody {
		return // no body of the request can be late
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in.late && !c.in.ended {
		o.Close = true
	}
}

// contentType returns what http.DetectContentType does. If the answer begins as the last
// one did, comparing them costs a tenth of detecting the type again.
func (d *desk) contentType(begins []byte) string {
	begins = begins[:min(len(begins), sniffed)]
	if d.kind == "" || !bytes.Equal(begins, d.begins) {
		d.begins = append(d.begins[:0], begins...)
		d.kind = http.DetectContentType(begins)
	}
	return d.kind
}

// opening returns the head, except for its lines. Its Length is that of the body.
func (r *response) opening() adapt.Opening {
	n := &r.notes
	return adapt.Opening{
		Status: r.status, Length: r.length, Dated: n.dated, Close: n.close, Duplex: r.duplex, Options: n.options, Coding: n.coding,
	}
}

// tunnel reports whether the status makes the connection stop speaking HTTP after the
// head. Only Hijack may send it (RFC 9110 9.3.6, 15.2.2).
func (r *response) tunnel() bool {
	return r.status == http.StatusSwitchingProtocols || r.call.req.Method == http.MethodConnect && r.status/100 == 2
}

// takeHead hands the head to the loop, if it is settled and the loop has not got it. c.mu
// and r.mu are held.
func (c *call) takeHead() {
	if r := &c.resp; r.committed && !r.taken {
		c.out.begin, r.taken = true, true
	}
}

// whyGone returns why nothing that is written arrives any more, or nil.
func (c *call) whyGone() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// outgoing is what goes to the loop after the buffer.
type outgoing struct {
	direct   []byte // bytes of the handler's, which waits until they are taken
	file     filePart
	optional bool // it may stay here, if the loop has no room
}

// push hands the buffer, the head if that was committed, and what follows to the loop, once
// that has room. r.mu is held.
func (r *response) push(next outgoing) error {
	c := r.call
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.out
	for len(o.buf) > 0 || o.file.f != nil || o.taking || o.choked {
		if err := c.lost(); err != nil {
			return err
		}
		if next.optional {
			return nil
		}
		c.waitTaken()
	}
	if err := c.lost(); err != nil {
		return err
	}
	d := c.desk
	c.takeHead()
	o.buf, d.buf, d.spare, o.file, o.direct = d.buf, d.spare[:0], nil, next.file, next.direct
	c.step()
	for o.direct != nil {
		if err := c.lost(); err != nil && !o.taking {
			o.direct = nil
			return err
		}
		c.waitTaken()
	}
	return nil
}

// waitTaken waits until the loop has taken what is written, or the client has read enough. Time
// in which a goroutine of the pool waits for the loop does not count as the handler's, because
// the same handler would not wait if it were called on the loop. If it counted, a kind of
// handlers with larger answers that was once given to the pool would never be quick again. c.mu
// is held.
func (c *call) waitTaken() {
	began, client := clock(), c.out.choked
	c.wait(c.out.by)
	if c.lease == nil && !client {
		c.aside += clock() - began
	}
}

// lost returns why what is written does not arrive. c.mu is held.
func (c *call) lost() error {
	if overdue(c.out.by) {
		c.giveUp(os.ErrDeadlineExceeded)
	}
	return c.gone
}

func (c *call) headOnly() bool { return c.req.Method == http.MethodHead }

// hasBody reports whether an answer of that status has content (RFC 9110 6.4.1).
func hasBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
