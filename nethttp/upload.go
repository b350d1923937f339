// Uploads: a request's body on its way from an io.Reader that may block to the loop.

package nethttp

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// wholeBody is the size up to which a body in memory is sent with the head.
const wholeBody = 32 << 10

// An upload is a goroutine that reads the body, a piece at a time, when the loop has room
// for one. It closes the body, whatever happens.
type upload struct {
	tr     *trip
	body   io.ReadCloser
	length int64         // -1: chunked
	room   chan struct{} // the loop has room, or will never have any
	wanted bool          // there was room: the loop's
	ended  bool          // end was called: the goroutine's

	mu      sync.Mutex
	begun   bool
	stopped bool
	reading bool  // Read is running
	err     error // of Read

	closing  sync.Once
	closeErr error
}

// takeBody finds out what there is to send: nothing, all of it now, or an upload.
func (tr *trip) takeBody() error {
	req := tr.req
	body, length := req.Body, req.ContentLength
	switch {
	case body == nil && length > 0:
		return fmt.Errorf("http: Request.ContentLength=%d with nil Body", length)
	case body == nil, body == http.NoBody:
		return nil
	case req.Method == http.MethodConnect:
		tr.tunnel = body // CONNECT: sent after a 2xx
		return nil
	case length <= 0 || has(req.TransferEncoding, "chunked"):
		length = -1
	}
	if length >= 0 && length <= wholeBody && inMemory(body) {
		p := make([]byte, length+1) // one more, should it be longer
		n, err := io.ReadFull(body, p)
		tr.closeBody()
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		if int64(n) != length {
			return errLength(length, int64(n))
		}
		tr.whole = p[:n]
		return nil
	}
	if length < 0 && !has(req.TransferEncoding, "chunked") {
		switch req.Method {
		case "POST", "PUT", "PATCH":
		default: // methods that have no body, as a rule
			var empty bool
			if body, empty = probe(body); empty {
				return tr.closeBody()
			}
		}
	}
	tr.up = &upload{tr: tr, body: body, length: length, room: make(chan struct{}, 1)}
	return nil
}

// closeBody closes the request's body where no upload does.
func (tr *trip) closeBody() (err error) {
	if tr.up == nil && tr.req.Body != nil {
		tr.closing.Do(func() { err = tr.req.Body.Close() })
	}
	return err
}

func errLength(said, is int64) error {
	return fmt.Errorf("http: ContentLength=%d with Body length %d", said, is)
}

// inMemory reports whether reading the body cannot block.
func inMemory(body io.Reader) bool {
	v := reflect.ValueOf(body)
	if t := v.Type(); (t == nopCloser || t == nopCloserWriterTo) && v.Field(0).CanInterface() {
		body, _ = v.Field(0).Interface().(io.Reader)
	}
	switch body.(type) {
	case *bytes.Reader, *bytes.Buffer, *strings.Reader:
		return true
	}
	return false
}

var (
	nopCloser         = reflect.TypeOf(io.NopCloser(nil))
	nopCloserWriterTo = reflect.TypeOf(io.NopCloser(struct {
		io.Reader
		io.WriterTo
	}{}))
)

// probeTime is how long a first byte is waited for, to know whether there is a body
// at all: that of net/http.
const probeTime = 200 * time.Millisecond

// probe reports whether a body is empty, if that is known soon. Else the body is one
// that begins with what was read.
func probe(body io.ReadCloser) (io.ReadCloser, bool) {
	p := &probed{ReadCloser: body, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.n, p.err = body.Read(p.first[:])
	}()
	select {
	case <-p.done:
		return p, p.n == 0 && p.err == io.EOF
	case <-time.After(probeTime):
		return p, false
	}
}

type probed struct {
	io.ReadCloser
	done  chan struct{}
	first [1]byte
	n     int
	err   error
}

func (p *probed) Read(b []byte) (int, error) {
	<-p.done
	switch {
	case p.n > 0 && len(b) > 0:
		p.n = 0
		b[0] = p.first[0]
		return 1, nil
	case p.n == 0 && p.err != nil:
		return 0, p.err
	}
	return p.ReadCloser.Read(b)
}

// begin starts the goroutine, once there is a connection.
func (u *upload) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.begun && !u.stopped {
		u.begun = true
		go u.run()
	}
}

// stop ends the upload: nobody wants the rest. A Read that blocks is ended by Close.
func (u *upload) stop() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stopped = true
	u.signal()
	if !u.begun || u.reading {
		go u.close()
	}
}

// leave stops the upload for a caller that gets an error. The body is closed then, unless
// its Read blocks: its Close may wait for that.
func (u *upload) leave() {
	u.mu.Lock()
	u.stopped = true
	blocked := u.reading
	u.signal()
	u.mu.Unlock()
	if !blocked {
		u.close()
	}
}

// signal wakes the goroutine.
func (u *upload) signal() {
	select {
	case u.room <- struct{}{}:
	default:
	}
}

func (u *upload) run() {
	err := u.copy()
	if !u.ended {
		u.tr.wrote(err)
	}
	u.mu.Lock()
	if err != nil && !u.stopped {
		u.err = err
		u.tr.lane.loop.Post(func() { u.tr.q.Abort() }) // the caller gets err
	}
	u.mu.Unlock()
	u.close()
}

// close closes the body, or waits until that is done. It comes before the request's end,
// as under net/http: Close may still fail, may set fields of the trailer, and nobody gets
// the answer before it.
func (u *upload) close() error {
	u.closing.Do(func() {
		if err := u.body.Close(); err != nil {
			u.closeErr = fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", err)
		}
	})
	return u.closeErr
}

// failed returns why the body could not be read, or nil.
func (u *upload) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// copy sends the body, and ends the request.
func (u *upload) copy() error {
	buf := copyBuffers.Get().(*[mostWritten]byte)
	sent := int64(0)
	for u.put(nil) {
		p := buf[:]
		if u.length >= 0 {
			p = p[:min(int64(len(p)), u.length-sent+1)] // one more, should it be longer
		}
		n, err := u.read(p)
		sent += int64(n)
		for one := []byte{0}; err == nil && sent == u.length; { // the end comes before the last piece, which the server may answer
			var more int
			more, err = u.read(one)
			sent += int64(more)
		}
		switch {
		case u.length >= 0 && sent > u.length:
			return errLength(u.length, sent)
		case err != nil && err != io.EOF:
			return err
		case err == io.EOF && u.length > sent:
			return errLength(u.length, sent)
		}
		if err == io.EOF {
			if err := u.close(); err != nil {
				return err
			}
			u.end(buf, n)
			return nil
		}
		if n > 0 && !u.put(p[:n]) {
			return nil // the loop may still look at buf
		}
	}
	return nil
}

func (u *upload) read(p []byte) (int, error) {
	u.mu.Lock()
	u.reading = !u.stopped
	ok := u.reading
	u.mu.Unlock()
	if !ok {
		return 0, io.ErrClosedPipe
	}
	n, err := u.body.Read(p)
	u.mu.Lock()
	u.reading = false
	u.mu.Unlock()
	return n, err
}

// put hands p to the loop, waits until that has room for more, and reports whether it
// wants any.
func (u *upload) put(p []byte) bool {
	err := u.tr.lane.loop.Post(func() {
		q := u.tr.q
		if _, err := q.Write(p); err != nil { // also of nothing, if the exchange is over
			u.stop()
			return
		}
		ready := func() { u.wanted = true; u.signal() }
		if q.Full() {
			q.OnDrain(ready)
		} else {
			ready()
		}
	})
	if err != nil {
		return false
	}
	<-u.room
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.stopped
}

// end completes the request: with the last n bytes, which are in buf, and its trailer. All
// goes in one step of the loop. A server that has got the whole length may answer at once,
// and an answer before the request's end costs the connection.
func (u *upload) end(buf *[mostWritten]byte, n int) {
	u.ended = true
	type line struct{ name, value string }
	var lines []line
	if u.length < 0 {
		for _, name := range slices.Sorted(maps.Keys(u.tr.req.Trailer)) {
			for _, v := range u.tr.req.Trailer[name] {
				lines = append(lines, line{name, v})
			}
		}
	}
	u.tr.lane.loop.Post(func() {
		for _, l := range lines {
			u.tr.q.Trailer(l.name, l.value)
		}
		u.tr.q.EndBytes(buf[:n])
		copyBuffers.Put(buf)
		u.tr.wrote(nil) // before the answer can come
	})
}
