// NetHTTP: any http.Handler on our loops. A handler of net/http blocks, so each
// request is handed to a goroutine of a pool, and what it reads and writes
// passes between the two through bounded buffers. The path of a request:
//
//	loop        serve       the head is copied, the body begins to be buffered
//	loop        submit      at the end of the turn all of its calls go to the pool
//	goroutine   run         builds the http.Request, calls the handler (nethttp_request, _body, _response)
//	loop        step        takes over what the handler has written (nethttp_loop)

package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
)

// NetHTTP makes a Handler of h, which is used as it is: it may block, stream in
// both directions, flush, hijack, set deadlines, send trailers and 1xx answers,
// and panic, as it may under net/http's server. nil stands for
// [http.DefaultServeMux].
//
//	s := &server.Server{Handler: server.NetHTTP(http.FileServer(http.Dir(".")), 64)}
//
// h is called on goroutines, at most workers of them at a time; 0 or less means
// one for each request under way, as with net/http. Requests beyond that wait
// in the order they came, up to 16,384 of them, past which they are answered
// with 503; one whose client leaves meanwhile is forgotten. A goroutine whose
// handler hijacked its connection does not count any more. Idle goroutines end
// after some seconds.
//
// The Handler may be called by another, for some of the requests, before that
// returns. The context of a request is cancelled when the client leaves, when h returns,
// and by Close; Shutdown waits for handlers, as that of net/http does. The
// limits and timeouts of [Server] hold for h too. docs/nethttp.md lists what is
// different from net/http.
func NetHTTP(h http.Handler, workers int) Handler {
	if h == nil {
		h = http.DefaultServeMux
	}
	return newAdapter(h, workers).serve
}

// adapter is one NetHTTP.
type adapter struct {
	handler http.Handler
	ctx     context.Context // has http.ServerContextKey, which code looks for
	pool    pool
}

func newAdapter(h http.Handler, workers int) *adapter {
	a := &adapter{handler: h}
	a.ctx = context.WithValue(context.Background(), http.ServerContextKey, &http.Server{Handler: h})
	a.pool.limit = workers
	return a
}

// A peer is what requests of one connection have in common.
type peer struct {
	adapter *adapter
	remote  string
	tls     *tls.ConnectionState
	ctx     context.Context // of the connection: parent of those of its requests
}

// A call is one request on its way through a goroutine. It is the request's own
// and not used again: a handler that keeps its ResponseWriter or Body beyond
// its return harms nobody.
type call struct {
	adapter *adapter
	peer    *peer
	w       Response // the loop's, but for Post
	head    string   // the request's head, to which its strings belong
	url     url.URL
	req     *http.Request
	resp    response
	body    body

	next, prev *call // in the pool's queue, under its lock
	queued     bool

	mu       sync.Mutex // for what follows, which the loop and the goroutine share
	changed  sync.Cond
	desk     *desk
	posted   bool               // desk.step is on its way
	left     bool               // the client has sent its FIN, or is gone
	gone     error              // why nothing that is written arrives any more
	cancel   context.CancelFunc // nil: not running yet
	notify   chan bool          // of CloseNotify
	hijacked bool

	answer opening   // to be begun, if ready
	out    []byte    // for the loop to write
	taking bool      // which is what it does just now
	choked bool      // the client reads slower than the handler writes
	done   bool      // the handler has returned: tail, and the end
	file   filePart  // behind out
	tail   []byte    // the last part of the body
	trails []byte    // the trailer section's lines
	over   bool      // nothing may follow it on this connection
	cut    bool      // the answer cannot be completed: close
	in     inbox     // the request's body
	readBy time.Time // SetReadDeadline
	putBy  time.Time // SetWriteDeadline
}

// A desk is what calls borrow, and the loop takes back: the functions that the
// loop calls, bound once, and buffers.
type desk struct {
	call                       *call
	step, left, drained, start func()
	sink                       func(p []byte, last bool)
	trailer                    func(name, value []byte)

	head   parser.Request // of which Fields are the desk's own
	fields []byte         // field lines of the answer
	buf    []byte         // what the handler has written and the loop has not got
	spare  []byte         // to be swapped with it
	waits  bool           // the connection is going to call drained
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

// serve is the Handler: it runs on the loop, and hands the request over.
func (a *adapter) serve(w Response, r Request) {
	s := w.s
	switch {
	case !w.valid():
		return
	case s.head == nil:
		panic("server: a Handler of NetHTTP is called within the server's Handler, as long as the request's head is there")
	}
	if s.peer == nil || s.peer.adapter != a {
		s.peer = newPeer(a, s.conn)
	}
	d := takeDesk()
	c := &call{adapter: a, peer: s.peer, w: w, desk: d, head: string(s.head.buf)}
	c.changed.L = &c.mu
	c.resp.call, c.body.call = c, c
	c.resp.length = unknown
	d.call = c
	fields := append(d.head.Fields[:0], s.head.Fields...)
	d.head = s.head.Request
	d.head.Fields = fields
	w.OnAbort(d.left)
	switch {
	case s.phase != receiving:
		c.in.ended = true
	case s.x.sink != nil:
		c.body.err = errBodyTaken // by whoever called us
	default:
		c.in.wanted = !s.is(expecting)
		if d.head.Framing == parser.Chunked {
			r.Trailer(d.trailer)
		}
		if c.in.wanted {
			r.Stream(d.sink)
		}
	}
	s.worker.submit(c)
}

func newPeer(a *adapter, c *conn.Conn) *peer {
	p := &peer{adapter: a, tls: c.TLS(), ctx: a.ctx}
	if local := c.LocalAddr(); local != nil {
		p.ctx = context.WithValue(p.ctx, http.LocalAddrContextKey, local)
	}
	if remote := c.RemoteAddr(); remote != nil {
		p.remote = remote.String()
	}
	return p
}

// A batch collects the calls of one turn of a loop, which go to their pools at
// its end: what has come of their bodies is there by then, so that a handler
// need not wait for the body of a small POST.
type batch struct {
	calls []*call
	flush func()
}

// submit has the call run by a goroutine, soon.
func (w *worker) submit(c *call) {
	w.loop.Ref() // until retire: Shutdown waits for handlers whose clients left
	b := &w.batch
	if b.flush == nil {
		b.flush = func() { b.hand(w) }
	}
	b.calls = append(b.calls, c)
	if len(b.calls) == 1 {
		w.loop.Post(b.flush)
	}
}

func (b *batch) hand(w *worker) {
	for i, c := range b.calls {
		b.calls[i] = nil
		switch {
		case !c.w.valid():
			c.desk.retire(c)
		case !c.adapter.pool.submit(c):
			c.w.s.refuse(503, "too many requests are waiting")
			c.desk.retire(c)
		}
	}
	b.calls = b.calls[:0]
}

// run is the call's time on a goroutine.
func (c *call) run() {
	returned := false
	defer func() {
		switch v := recover(); {
		case returned:
			return
		case v != nil && v != http.ErrAbortHandler: // Goexit is no panic, but no return either
			c.log().Error("http: panic serving "+c.peer.remote, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
		c.finish(true)
	}()
	ctx, cancel := context.WithCancel(c.peer.ctx)
	defer cancel()
	c.mu.Lock()
	c.cancel = cancel
	left := c.left
	c.mu.Unlock()
	if left {
		cancel()
	}
	if err := c.request(ctx); err != nil {
		c.do(func(s *session) error { s.refuse(400, err.Error()); return nil })
		c.finish(true)
	} else {
		h := c.adapter.handler
		if c.req.RequestURI == "*" && c.req.Method == "OPTIONS" {
			h = http.HandlerFunc(options)
		}
		h.ServeHTTP(&c.resp, c.req)
		cancel()
		c.finish(false)
		if c.req.MultipartForm != nil {
			c.req.MultipartForm.RemoveAll()
		}
	}
	returned = true
}

// options answers "OPTIONS *" as net/http does.
func options(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "0")
	io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 4<<10))
}

// finish is the goroutine's last act: the loop has the rest.
func (c *call) finish(cut bool) {
	r := &c.resp
	r.mu.Lock()
	defer r.mu.Unlock()
	if !cut && !r.hijacked {
		r.last()
	}
	r.done = true
	c.mu.Lock()
	defer c.mu.Unlock()
	if overdue(c.putBy) {
		c.giveUp(os.ErrDeadlineExceeded)
	}
	if r.hijacked {
		return // see hijack, which has let the desk go
	}
	c.done, c.cut = true, c.cut || cut
	if !cut {
		c.tail = c.desk.buf
	}
	c.body.closed = true
	c.changed.Broadcast()
	c.post()
}

// post has the loop come by, once for all that is there when it does. c.mu is
// held.
func (c *call) post() {
	if !c.posted {
		c.posted = c.w.Post(c.desk.step) == nil
		if !c.posted && c.gone == nil {
			c.gone = errOver // the server has stopped
		}
	}
}

// do runs fn on the loop, behind all that was posted, and waits for it.
func (c *call) do(fn func(s *session) error) error {
	done := make(chan error, 1)
	err := c.w.Post(func() {
		if c.w.valid() {
			done <- fn(c.w.s)
		} else {
			done <- errOver
		}
	})
	if err != nil {
		return err
	}
	return <-done
}

func (c *call) log() *slog.Logger {
	if l := c.w.s.worker.server.Log; l != nil {
		return l
	}
	return slog.Default()
}

// inbox is the part of a request's body that the handler has not read.
type inbox struct {
	wanted  bool // it is being read from the client, or about to be
	paused  bool // there is enough
	resume  bool // there was, and is not now
	untimed bool // SetReadDeadline was called: BodyTimeout is off
	ended   bool // all of it has come
	buf     *bytebufferpool.ByteBuffer
	off     int
	fields  http.Header // of its trailer section
}
