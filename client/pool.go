// Pool: what the exchanges of one loop share.

package client

import (
	"math"
	"sync/atomic"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
)

const (
	mostSpare   = 64      // exchanges and heads that a pool keeps to use again
	mostKept    = 8 << 10 // bytes that such an exchange keeps of its buffers
	mostOrigins = 1024    // origins beyond which unused ones are forgotten
	usualFields = 256     // fields for which a head has room; the default of MaxFields
)

// A Pool sends requests on one loop: [Client.On] returns it. It keeps connections to
// each origin (scheme, host and port) and uses them again. Its methods, and those of
// the handles that come from it, must be called on the loop's goroutine.
type Pool struct {
	client  *Client
	limits  *limits
	loop    *conn.Loop
	plain   conn.Handler        // for http
	spelled map[string]spelling // the URL's beginning, as programs write it
	last    spelling            // the one asked for last
	origins map[string]*origin  // by the same in one spelling
	idle    list[session]       // connections to all origins, the last one idle for longest
	oldest  atomic.Int64        // since when that one is, if MaxIdleTotal is set
	closed  atomic.Bool         // connections are not used again

	heads   []*head     // not in use
	scratch []byte      // room for a value: see Response.Forward
	spare   []*exchange // ended ones
	counts  counters
}

// A head is a parsed answer and the bytes that it was parsed from. An exchange
// has one while a head is read, and while the program looks at it.
type head struct {
	parser.Response
	buf []byte
}

func newPool(c *Client, l *conn.Loop) *Pool {
	p := &Pool{
		client: c, limits: &c.limits, loop: l,
		spelled: make(map[string]spelling), origins: make(map[string]*origin),
	}
	p.plain = p.handler(nil)
	p.oldest.Store(math.MaxInt64)
	return p
}

// handler returns HTTP as a protocol of package conn.
func (p *Pool) handler(t *conn.TLS) conn.Handler {
	return conn.Handler{
		Open:    func(c *conn.Conn) { c.State.(*session).opened() },
		Data:    func(c *conn.Conn, b []byte) int { return c.State.(*session).data(b) },
		End:     func(c *conn.Conn) { c.State.(*session).end() },
		Timeout: func(c *conn.Conn) { c.State.(*session).timeout() },
		Close:   func(c *conn.Conn, err error) { c.State.(*session).closedBy(err) },
		TLS:     t,
		Max:     p.limits.backlog,
		Hold:    p.limits.maxHead + 64<<10,
		Stall:   p.limits.write,
		ReadOn:  true, // an answer may come before the request has left
	}
}

// Loop returns the pool's loop.
func (p *Pool) Loop() *conn.Loop { return p.loop }

// Get sends a GET request without fields of the program: it is Request, Do and End in
// one.
func (p *Pool) Get(url string, fn func(r Response, err error)) Request {
	q := p.Request("GET", url)
	q.Do(fn)
	q.End("")
	return q
}

// CloseIdle closes the connections that are idle.
func (p *Pool) CloseIdle() {
	for _, o := range p.origins {
		o.closeIdle()
	}
}

// counted counts n more idle connections among those of all loops, if MaxIdleTotal bounds them. If they
// are too many, the one that has been idle for longest is closed, whichever loop's it is.
func (p *Pool) counted(n int64) {
	if p.limits.maxIdleTotal == 0 {
		return
	}
	p.oldest.Store(math.MaxInt64)
	if e := p.idle.last; e != nil {
		p.oldest.Store(e.of.since)
	}
	if p.client.idle.Add(n); n < 0 || !p.overTotal() {
		return
	}
	oldest := p
	for _, q := range *p.client.pools.Load() {
		if q.oldest.Load() < oldest.oldest.Load() {
			oldest = q
		}
	}
	if oldest == p {
		p.idle.last.of.drop()
		return
	}
	oldest.loop.Post(func() {
		if oldest.idle.last != nil && oldest.overTotal() {
			oldest.idle.last.of.drop()
		}
	})
}

func (p *Pool) overTotal() bool { return p.client.idle.Load() > int64(p.limits.maxIdleTotal) }

// Close closes idle connections now, and each of the others at the end of its
// exchange. Later requests are served too, but no connection is used again, so that
// the loop can stop. Call it when a loop is to stop, for instance in
// [github.com/lurcher-net/lurcher/server.Server.OnShutdown].
func (p *Pool) Close() {
	p.closed.Store(true)
	p.CloseIdle()
}

// takeHead returns a head for an answer that begins.
func (p *Pool) takeHead() *head {
	if n := len(p.heads); n > 0 {
		h := p.heads[n-1]
		p.heads = p.heads[:n-1]
		return h
	}
	h := new(head)
	h.Fields = make([]parser.Field, 0, min(p.limits.maxFields, usualFields))
	h.MaxSize = p.limits.maxHead
	h.Repair = true
	return h
}

// parse is Parse, and makes room for more fields than usual when they have come. A head that has not all
// come yet holds no more than it needs.
func (p *Pool) parse(h *head, b []byte) (n int, err error) {
	n, err = h.Parse(b)
	for err == parser.ErrFields && cap(h.Fields) < p.limits.maxFields {
		method := h.Method
		h.Reset()
		h.Method = method
		h.Fields = make([]parser.Field, 0, min(4*cap(h.Fields), p.limits.maxFields))
		n, err = h.Parse(b)
	}
	return n, err
}

// giveHead takes a head back.
func (p *Pool) giveHead(h *head) {
	if len(p.heads) < mostSpare && cap(h.Fields) <= usualFields {
		h.Reset()
		h.buf = nil
		p.heads = append(p.heads, h)
	}
}

// exchange returns an exchange, recycled if possible.
func (p *Pool) exchange() *exchange {
	if n := len(p.spare); n > 0 {
		x := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return x
	}
	x := &exchange{pool: p, gen: 1, declared: -1}
	x.in.of = x
	return x
}

// release makes the handles of x stale, and takes x back.
func (p *Pool) release(x *exchange) {
	gen := x.gen + 1
	if x.charged > 0 {
		p.loop.Charge(-x.charged)
	}
	if x.head != nil {
		p.giveHead(x.head)
	}
	fields, out := x.fields[:0], x.out[:0]
	if cap(fields)+cap(out) > mostKept {
		fields, out = nil, nil
	}
	*x = exchange{} // in place: a literal with these would be made elsewhere and copied
	x.pool, x.gen, x.declared, x.fields, x.out, x.in.of = p, gen, -1, fields, out, x
	if len(p.spare) < mostSpare {
		p.spare = append(p.spare, x)
	}
}
