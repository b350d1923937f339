// The http.Response of a Transport: its head as net/http's ReadResponse makes it of
// the same bytes, its body from a buffer that the loop fills.

package nethttp

//lint:file-ignore SA1019 Request.Cancel is deprecated, and a RoundTripper may be given one all the same.

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/client"
)

// response returns the head of an answer.
func (tr *trip) response(r client.Response) *http.Response {
	status := strconv.Itoa(r.Status())
	if reason := r.Reason(); reason != nil {
		status += " " + string(reason)
	}
	resp := &http.Response{
		Status: status, StatusCode: r.Status(),
		Proto: "HTTP/1." + strconv.Itoa(r.Minor()), ProtoMajor: 1, ProtoMinor: r.Minor(),
		Header: fieldsOf(r), Body: http.NoBody, Request: tr.original, TLS: tr.stateOf(r),
	}
	h := resp.Header
	connection := h["Connection"]
	if resp.ProtoMinor == 0 {
		resp.Close = has(connection, "close") || !has(connection, "keep-alive")
	} else if resp.Close = has(connection, "close"); resp.Close {
		delete(h, "Connection")
	}
	if pragma := h["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" && h["Cache-Control"] == nil {
		h["Cache-Control"] = []string{"no-cache"}
	}
	chunked := resp.ProtoMinor > 0 && has(h["Transfer-Encoding"], "chunked")
	delete(h, "Transfer-Encoding")
	if chunked {
		resp.TransferEncoding = []string{"chunked"}
		resp.Trailer = announced(h)
	}
	lengthOnce(h)
	switch n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); {
	case tr.req.Method == http.MethodHead && err == nil:
		resp.ContentLength = n
	case tr.req.Method == http.MethodHead:
		resp.ContentLength = -1
	default:
		resp.ContentLength = r.Length()
	}
	if r.Length() < 0 && !chunked {
		resp.Close = true // the connection's end is the body's
	}
	return resp
}

// lengthOnce makes one value of a Content-Length that was repeated.
func lengthOnce(h http.Header) {
	var said []string
	for _, line := range h["Content-Length"] {
		said = slices.AppendSeq(said, elements(line))
	}
	if len(slices.Compact(said)) == 1 {
		h["Content-Length"] = said[:1]
	}
}

// announced takes what Trailer announces out of the header.
func announced(h http.Header) http.Header {
	var t http.Header
	for _, v := range h["Trailer"] {
		for name := range elements(v) {
			switch key := http.CanonicalHeaderKey(name); key {
			case "Transfer-Encoding", "Trailer", "Content-Length":
			default:
				if t == nil {
					t = make(http.Header)
				}
				t[key] = nil
			}
		}
	}
	delete(h, "Trailer")
	return t
}

const (
	mostAnswer = 64 << 10 // of an answer's body is read ahead of the caller
	lowAnswer  = 16 << 10 // when it has come down to this the rest follows
)

// answerBody is Response.Body: the loop fills a bounded buffer, the caller empties
// it, and in between the server waits.
type answerBody struct {
	tr   *trip
	resp *http.Response
	r    client.Response // the loop's
	stop func() bool     // of the request's context

	mu      sync.Mutex
	changed sync.Cond
	buf     *bytebufferpool.ByteBuffer
	off     int
	paused  bool
	ended   bool        // the exchange is over
	err     error       // how
	why     error       // the caller does not want to wait any more
	closed  bool        // by the caller
	trailer http.Header // of the answer
}

func newAnswerBody(tr *trip, resp *http.Response, r client.Response) *answerBody {
	b := &answerBody{tr: tr, resp: resp, r: r}
	resp.Body = b
	b.changed.L = &b.mu
	ctx := tr.req.Context()
	b.stop = context.AfterFunc(ctx, func() {
		awaitCancel(tr.req)
		b.cancel(context.Cause(ctx))
	})
	if done := cancelOf(tr.req); done != nil {
		over := make(chan struct{})
		stop := b.stop
		b.stop = sync.OnceValue(func() bool { close(over); return stop() })
		go func() {
			select {
			case <-done:
				b.cancel(errCanceled)
			case <-over:
			}
		}()
	}
	return b
}

// receive takes what arrives: it is the sink of Response.Stream.
func (b *answerBody) receive(p []byte, err error) {
	if err != nil {
		b.stop()
		b.tr.finished(nil)
		if err != io.EOF {
			err = b.explain(err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(p) > 0 && !b.closed {
		if b.buf == nil {
			b.buf = bodyPool.Get()
		}
		b.buf.B = append(b.buf.B, p...)
	}
	switch {
	case err != nil:
		b.ended, b.err = true, err
	case b.buf != nil && len(b.buf.B)-b.off >= mostAnswer:
		b.paused = true
		b.r.Pause()
	}
	b.changed.Broadcast()
}

// explain returns the error that callers of net/http expect.
func (b *answerBody) explain(err error) error {
	err = b.tr.explain(err)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// onTrailer takes a field of the trailer section, before the last receive.
func (b *answerBody) onTrailer(name, value []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trailer == nil {
		b.trailer = make(http.Header)
	}
	b.trailer.Add(string(name), string(value))
}

var errReadClosed = errors.New("http: read on closed response body")

func (b *answerBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case b.closed:
			return 0, errReadClosed
		case b.why != nil:
			return 0, b.why
		case b.buf == nil && b.ended:
			return 0, b.end()
		case len(p) == 0:
			return 0, nil
		case b.buf != nil:
			return b.take(p)
		}
		b.changed.Wait()
	}
}

// take reads from the buffer, which is not empty. b.mu is held.
func (b *answerBody) take(p []byte) (int, error) {
	n := copy(p, b.buf.B[b.off:])
	b.off += n
	left := len(b.buf.B) - b.off
	if left == 0 {
		b.drop()
	}
	if b.paused && left <= lowAnswer {
		b.paused = false
		b.tr.lane.loop.Post(b.r.Resume)
	}
	if left == 0 && b.ended && b.err == io.EOF {
		return n, b.end()
	}
	return n, nil
}

func (b *answerBody) drop() {
	if b.buf != nil {
		bodyPool.Put(b.buf)
		b.buf, b.off = nil, 0
	}
}

// end is the body's end, at which the trailer is there. b.mu is held.
func (b *answerBody) end() error {
	if b.trailer != nil {
		if b.resp.Trailer == nil {
			b.resp.Trailer = make(http.Header)
		}
		maps.Copy(b.resp.Trailer, b.trailer)
		b.trailer = nil
	}
	return b.err
}

// cancel ends the reading, and the exchange.
func (b *answerBody) cancel(why error) {
	b.mu.Lock()
	if b.ended || b.why != nil {
		b.mu.Unlock()
		return
	}
	b.why = why
	b.changed.Broadcast()
	b.mu.Unlock()
	b.tr.abort()
}

// Close ends the reading. Unless all has come the connection is closed: what is
// left may be long.
func (b *answerBody) Close() error {
	b.mu.Lock()
	abort := !b.ended && !b.closed
	b.closed = true
	b.drop()
	b.changed.Broadcast()
	b.mu.Unlock()
	if abort {
		b.tr.abort()
	}
	return nil
}

// undo makes the body decoded, if the Transport itself has asked for the coding.
func (tr *trip) undo(resp *http.Response, b *answerBody) {
	if !tr.gzip || !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return
	}
	resp.Body = &gzipBody{body: b}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	resp.Uncompressed = true
}

// gzipBody decodes.
type gzipBody struct {
	body io.ReadCloser
	zr   *gzip.Reader
	err  error // sticky
}

func (g *gzipBody) Read(p []byte) (n int, err error) {
	if g.err != nil {
		return 0, g.err
	}
	if g.zr == nil {
		if g.zr, g.err = gzip.NewReader(g.body); g.err != nil {
			return 0, g.err
		}
	}
	n, g.err = g.zr.Read(p)
	return n, g.err
}

func (g *gzipBody) Close() error {
	g.err = errReadClosed
	return g.body.Close()
}

// switched hands the connection to the caller: 101, or 2xx to CONNECT.
func (tr *trip) switched(r client.Response) {
	resp := tr.response(r)
	resp.ContentLength = -1
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.ContentLength = 0
	} else {
		resp.Close = true // the connection's end is the tunnel's
	}
	k, err := r.Hijack(&leaving)
	if err != nil {
		tr.finished(err)
		tr.q.Abort()
		return
	}
	tr.t.sealed.Delete(k) // its Handler's Close is not called any more
	leave(k, func(nc net.Conn, err error) {
		if err != nil {
			tr.finished(err)
			return
		}
		if from := tr.tunnel; from != nil {
			tr.tunnel = nil
			go func() { io.Copy(nc, from); tr.closeBody() }()
		}
		tr.finished(nil)
		body := switchedBody{Conn: nc, tr: tr, stop: func() bool { return true }}
		if tr.req.Method == http.MethodConnect { // for net/http the tunnel is this answer's body
			body.stop = context.AfterFunc(tr.req.Context(), func() { nc.Close() })
		}
		resp.Body = body
		if !tr.settle(resp, nil) {
			body.Close()
		}
	})
}

// switchedBody is the connection after the answer's head, as an io.ReadWriteCloser.
type switchedBody struct {
	net.Conn
	tr   *trip
	stop func() bool // of the request's context
}

func (b switchedBody) Close() error {
	b.stop()
	b.tr.closeBody() // that of CONNECT
	return b.Conn.Close()
}

// CloseWrite shuts the sending side, if the connection can.
func (b switchedBody) CloseWrite() error {
	if c, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}
