// Handler: any http.Handler on lurcher's loops. A handler of net/http blocks, so each
// request is handed to a goroutine of a pool, and what it reads and writes
// passes between the two through bounded buffers. The path of a request:
//
//	loop        serve       the head is copied, the body begins to be buffered
//	loop        submit      at the end of the turn all of its calls go to the pool
//	goroutine   run         builds the http.Request, calls the handler (request.go, body.go, response.go)
//	loop        step        takes over what the handler has written (loop.go)

package nethttp

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
	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/parser"
	"github.com/lurcher-net/lurcher/server"
)

// Handler makes a [server.Handler] of h, which is used as it is: it may block, stream in
// both directions, flush, hijack, set deadlines, send trailers and 1xx answers,
// and panic, as it may under net/http's server. nil stands for
// [http.DefaultServeMux].
//
//	s := &server.Server{Handler: nethttp.Handler(http.FileServer(http.Dir(".")), 64)}
//
// h is called on goroutines, at most workers of them at a time; 0 or less means
// one for each request under way, as with net/http. Requests beyond that wait
// in the order they came, up to 16,384 of them, past which they are answered
// with 503; one whose client leaves meanwhile is forgotten. A goroutine whose
// handler hijacked its connection does not count any more. Idle goroutines end
// after some seconds.
//
// What it returns may be called by another, for some of the requests, before that
// returns. The context of a request is cancelled when the client leaves, when h returns,
// and by Close; Shutdown waits for handlers, as that of net/http does. The
// limits and timeouts of [server.Server] hold for h too. docs/nethttp.md lists what is
// different from net/http.
func Handler(h http.Handler, workers int) server.Handler {
	if h == nil {
		h = http.DefaultServeMux
	}
	return newAdapter(h, workers).serve
}

// adapter is one Handler.
type adapter struct {
	handler http.Handler
	loops   sync.Map        // *conn.Loop to *batch
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
	batch   *batch
	log     *slog.Logger // the server's, or nil
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
	w       server.Response // the loop's, but for Post
	head    string          // the request's head, to which its strings belong
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
func (a *adapter) serve(w server.Response, r server.Request) {
	c := &call{adapter: a, w: w}
	x := c.exchange()
	if x == nil {
		return
	}
	head, buf := x.Head()
	if head == nil {
		panic("nethttp: a Handler is called within the server's Handler, as long as the request's head is there")
	}
	c.peer = a.peerOf(w, x)
	d := takeDesk()
	c.desk, c.head = d, string(buf)
	c.changed.L = &c.mu
	c.resp.call, c.body.call = c, c
	c.resp.length = adapt.Chunked
	d.call = c
	fields := append(d.head.Fields[:0], head.Fields...)
	d.head = *head
	d.head.Fields = fields
	w.OnAbort(d.left)
	switch {
	case !x.Receiving():
		c.in.ended = true
	case x.Taken():
		c.body.err = errTaken // by whoever called us
	default:
		c.in.wanted = !x.Waits()
		if d.head.Framing == parser.Chunked {
			r.Trailer(d.trailer)
		}
		if c.in.wanted {
			r.Stream(d.sink)
		}
	}
	c.peer.batch.add(c)
}

// exchange is what the loop has of the call, or nil if that is over.
func (c *call) exchange() adapt.Exchange { return adapt.Of(&c.w) }

// peerOf is the connection's peer.
func (a *adapter) peerOf(w server.Response, x adapt.Exchange) *peer {
	at := x.Peer()
	p, ok := (*at).(*peer)
	if !ok || p.adapter != a {
		p = a.newPeer(w, x)
		*at = p
	}
	return p
}

func (a *adapter) newPeer(w server.Response, x adapt.Exchange) *peer {
	r := server.Request(w)
	p := &peer{adapter: a, batch: a.batchOf(w.Loop()), log: x.Log(), tls: r.TLS(), ctx: a.ctx}
	if local := r.LocalAddr(); local != nil {
		p.ctx = context.WithValue(p.ctx, http.LocalAddrContextKey, local)
	}
	if remote := r.RemoteAddr(); remote != nil {
		p.remote = remote.String()
	}
	return p
}

// A batch collects the calls of one turn of a loop, which go to their pools at
// its end: what has come of their bodies is there by then, so that a handler
// need not wait for the body of a small POST.
type batch struct {
	loop  *conn.Loop
	calls []*call
	flush func()
}

func (a *adapter) batchOf(l *conn.Loop) *batch {
	if b, ok := a.loops.Load(l); ok {
		return b.(*batch)
	}
	b := &batch{loop: l}
	b.flush = b.hand
	a.loops.Store(l, b)
	return b
}

// add has the call run by a goroutine, soon.
func (b *batch) add(c *call) {
	b.loop.Ref() // until retire: Shutdown waits for handlers whose clients left
	b.calls = append(b.calls, c)
	if len(b.calls) == 1 {
		b.loop.Post(b.flush)
	}
}

func (b *batch) hand() {
	for i, c := range b.calls {
		b.calls[i] = nil
		x := c.exchange()
		switch {
		case x == nil:
			c.desk.retire(c)
		case !c.adapter.pool.submit(c):
			x.Refuse(503, "too many requests are waiting")
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
		c.do(func(x adapt.Exchange) { x.Refuse(400, err.Error()) })
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
func (c *call) do(fn func(x adapt.Exchange)) error {
	done := make(chan error, 1)
	err := c.w.Post(func() {
		if x := c.exchange(); x != nil {
			fn(x)
			done <- nil
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
	if l := c.peer.log; l != nil {
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
