// Handler: any http.Handler on lurcher's loops. A handler of net/http blocks, so each
// request is handed to a goroutine of a pool, and what it reads and writes
// passes between the two through bounded buffers. The path of a request:
//
//	loop        serve       the head is copied, the body begins to be buffered
//	loop        site.hand   at the end of the turn calls whose bodies have come go to the pool
//	            call.Run    is called there instead if the handler is likely to be quick (here.go)
//	goroutine   call.run    builds the http.Request, calls the handler (request.go, body.go, response.go)
//	loop        desk.onStep takes over what the handler has written (loop.go)

package nethttp

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/parser"
	"github.com/lurcher-net/lurcher/server"
)

// Handler turns h into a [server.Handler]. h may do what it may do under net/http's
// server: block, stream in both directions, flush, hijack, set deadlines, send trailers
// and 1xx answers, and panic. nil means [http.DefaultServeMux].
//
//	s := &server.Server{Handler: nethttp.Handler(http.FileServer(http.Dir(".")), 64)}
//
// h is called on goroutines, at most workers at a time; 0 or less means one for each
// request under way, as with net/http. A handler that was quick so far is called on the
// loop's own goroutine, which counts as one of them; as soon as it waits, the loop goes
// on on another goroutine. Up to 16,384 more requests wait, in the order they came;
// beyond that, requests are refused with 503. A request whose client leaves while it
// waits is dropped. If workers are limited, a request with a body waits until 32 KiB of
// it have come, or all of it, so that slow clients hold at most half of the workers. A
// goroutine whose handler has hijacked its connection no longer counts. Idle goroutines
// end after some seconds, and with the last server that used them.
//
// Your own handler may call the returned one for some of its requests, before it
// returns. The context of a request is cancelled when the client leaves, when h
// returns, and by Close. Shutdown waits for handlers, as net/http's does. The limits
// and timeouts of [server.Server] apply to h too. docs/nethttp.md lists the differences
// from net/http.
func Handler(h http.Handler, workers int) server.Handler {
	if h == nil {
		h = http.DefaultServeMux
	}
	return newAdapter(h, workers).serve
}

// adapter is one Handler.
type adapter struct {
	handler http.Handler
	pool    pool
	quick   time.Duration // the constant, but in tests: see mayRun
	wary    int           // the constant, but in tests: see habit
	sites   sync.Map      // *conn.Loop to *site
	loops   atomic.Int32  // number of sites
	told    sync.Map      // places in the program that were logged for a mistake
}

func newAdapter(h http.Handler, workers int) *adapter {
	a := &adapter{handler: h, quick: quick, wary: wary}
	a.pool.limit = workers
	return a
}

// A site is the state of an adapter on one loop of a server. It belongs to the loop.
type site struct {
	adapter     *adapter
	loop        *conn.Loop
	ctx         context.Context // has http.ServerContextKey, which code looks for
	log         *slog.Logger
	bodyTimeout time.Duration // negative: none

	calls     []*call // of this turn: calls[at:] are to be handed over, see hand
	at        int
	flush     func()
	following bool       // follow takes what is added itself
	habits    [256]habit // of handlers of each kind: see mayRun
}

func (a *adapter) siteOf(l *conn.Loop, x adapt.Exchange) *site {
	if s, ok := a.sites.Load(l); ok {
		return s.(*site)
	}
	srv := x.Server()
	s := &site{adapter: a, loop: l, log: srv.Log, bodyTimeout: srv.BodyTimeout}
	std := &http.Server{Handler: a.handler}
	if s.log == nil {
		s.log = slog.Default()
	} else {
		std.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
		std.ErrorLog.SetFlags(log.Lmsgprefix)
	}
	s.ctx = context.WithValue(context.Background(), http.ServerContextKey, std)
	s.flush = s.hand
	a.sites.Store(l, s)
	a.pool.use(1)
	a.loops.Add(1)
	srv.OnStop(func() {
		a.sites.Delete(l)
		a.pool.use(-1)
		a.loops.Add(-1)
	})
	return s
}

// A peer is the state that requests of one connection share.
type peer struct {
	site   *site
	remote string
	tls    *tls.ConnectionState
	ctx    context.Context // of the connection: parent of those of its requests
}

// peerOf returns the connection's peer.
func (a *adapter) peerOf(w server.Response, x adapt.Exchange) *peer {
	at := x.Peer()
	p, ok := (*at).(*peer)
	if !ok || p.site.adapter != a {
		p = newPeer(a.siteOf(w.Loop(), x), server.Request(w))
		*at = p
	}
	return p
}

func newPeer(s *site, r server.Request) *peer {
	p := &peer{site: s, tls: r.TLS(), ctx: s.ctx}
	if local := r.LocalAddr(); local != nil {
		p.ctx = context.WithValue(p.ctx, http.LocalAddrContextKey, local)
	}
	if remote := r.RemoteAddr(); remote != nil {
		p.remote = remote.String()
	}
	return p
}

// serve is the server's Handler.
func (a *adapter) serve(w server.Response, r server.Request) { a.take(w, r, a.handler, nil) }

// take runs on the loop, and hands the request over. m is what a Mux has found, or
// nil.
func (a *adapter) take(w server.Response, r server.Request, h http.Handler, m *match) {
	c := &call{w: w, handler: h, match: m}
	x := c.exchange()
	if x == nil {
		return
	}
	head, buf := x.Head()
	if head == nil {
		panic("nethttp: a Handler is called within the server's Handler, as long as the request's head is there")
	}
	c.peer = a.peerOf(w, x)
	c.ctx.parent = c.peer.ctx
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
		c.body.err = errTaken // the handler that called us reads the body
	default:
		c.in.wanted = !x.Waits()
		if d.head.Framing == parser.Chunked {
			r.Trailer(d.trailer)
		}
		if c.in.wanted {
			r.Stream(d.sink)
		}
	}
	c.peer.site.add(c)
}

// add makes the call run. Calls go to goroutines at the end of the turn: by
// then all that has come of their bodies has been read, so that a handler need not wait
// for the body of a small POST.
func (s *site) add(c *call) {
	s.loop.Ref() // until retire: Shutdown waits also for handlers whose clients have left
	s.calls = append(s.calls, c)
	if s.waiting() == 1 && !s.following {
		s.loop.Post(s.flush)
	}
}

// waiting returns how many calls are to be handed over.
func (s *site) waiting() int { return len(s.calls) - s.at }

// next takes the first of them.
func (s *site) next() *call {
	c := s.calls[s.at]
	s.calls[s.at] = nil
	if s.at++; s.at == len(s.calls) {
		s.calls, s.at = s.calls[:0], 0
	}
	return c
}

// hand runs the calls of this turn, or gives them to the pool, as far as its time
// allows. If it loses the loop it is called again there: see call.Resume.
func (s *site) hand() {
	for first := true; s.waiting() > 0; first = false {
		if !first && s.loop.Late() {
			s.loop.Post(s.flush)
			return
		}
		c := s.next()
		x := c.exchange()
		gathers := s.adapter.pool.limit > 0 && x != nil && x.Receiving() // a body is not to keep a worker waiting
		switch {
		case x == nil:
			c.desk.retire(c)
		case gathers && x.Waits():
			c.gather(0, 1) // its client sends nothing before the handler asks
		case gathers && !c.gathered():
			c.gather(gatherTime, 0)
		case !s.mayRun(c, x):
			c.submit(x)
		case !x.Lend(c):
			s.adapter.pool.exit(c)
			c.submit(x)
		}
	}
}

// submit hands the call to the pool.
func (c *call) submit(x adapt.Exchange) {
	c.mu.Lock()
	c.state = queued
	c.mu.Unlock()
	x.Hold(c.holds())
	if !c.peer.site.adapter.pool.submit(c) {
		x.Refuse(503, "too many requests are waiting")
		c.desk.retire(c)
	}
}

// gatherTime is how long a limited pool waits for a body before it tries to give a worker
// to the slow request: its client may be waiting for the beginning of the answer.
const gatherTime = 500 * time.Millisecond

// gather waits for the body on the loop: desk.onBody goes on when enough of it has come.
// After d, and then from time to time, it asks for one of the workers that slow clients
// may hold. There are at least least of these.
func (c *call) gather(d time.Duration, least int) {
	c.mu.Lock()
	c.state = gathering
	c.mu.Unlock()
	ask := func() {
		c.mu.Lock()
		waits := c.state == gathering
		c.mu.Unlock()
		if waits && !c.peer.site.adapter.pool.submitEarly(c, least) {
			c.gather(gatherTime, least)
		}
	}
	if d == 0 {
		ask()
	} else {
		c.w.After(d, ask)
	}
}

// gathered reports whether the call has as much of its body as it needs to begin.
func (c *call) gathered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := &c.in
	return in.ended || !in.wanted || in.buf != nil && len(in.buf.B) >= mostBody
}
