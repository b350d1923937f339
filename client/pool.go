// Pool: what the exchanges of one loop share.

package client

import (
	"sync/atomic"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
)

const (
	mostSpare   = 64   // exchanges and heads that a pool keeps for the next who need one
	mostOrigins = 1024 // beyond which those that nobody uses are forgotten
)

// A Pool asks, on one loop: it is what [Client.On] returns. It keeps connections to
// each origin, a scheme, host and port, and uses them again. It belongs to the
// loop's goroutine, as do the handles that come from it.
type Pool struct {
	client  *Client
	limits  *limits
	loop    *conn.Loop
	plain   conn.Handler       // for http
	spelled map[string]*origin // by the URL's beginning, as programs write it
	origins map[string]*origin // by the same in one spelling
	closed  atomic.Bool        // connections are not used again

	heads  []*head     // not in use
	spare  []*exchange // ended ones
	counts counters
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
		spelled: make(map[string]*origin), origins: make(map[string]*origin),
	}
	p.plain = p.handler(nil)
	return p
}

// handler is HTTP, as the loop sees it.
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

// Loop returns the loop that the pool is of.
func (p *Pool) Loop() *conn.Loop { return p.loop }

// Get asks for a URL, without fields: Request, Do and End in one.
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

// Close closes the connections: those that are idle now, the others when their
// exchange ends, which goes on. Who asks later is answered too, but no connection is
// used again, so that none keeps the loop from ending. It is what to do when a loop
// stops, by [github.com/lurcher-net/lurcher/server.Server.OnShutdown] say.
func (p *Pool) Close() {
	p.closed.Store(true)
	p.CloseIdle()
}

// takeHead finds a head for an answer that begins.
func (p *Pool) takeHead() *head {
	if n := len(p.heads); n > 0 {
		h := p.heads[n-1]
		p.heads = p.heads[:n-1]
		return h
	}
	h := new(head)
	h.Fields = make([]parser.Field, 0, p.limits.maxFields)
	h.MaxSize = p.limits.maxHead
	return h
}

// giveHead takes it back.
func (p *Pool) giveHead(h *head) {
	if len(p.heads) < mostSpare {
		h.Reset()
		h.buf = nil
		p.heads = append(p.heads, h)
	}
}

// exchange finds room for one.
func (p *Pool) exchange() *exchange {
	if n := len(p.spare); n > 0 {
		x := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return x
	}
	return &exchange{pool: p, gen: 1, declared: -1}
}

// release makes the handles of x stale, and takes its room back.
func (p *Pool) release(x *exchange) {
	const mostKept = 8 << 10
	gen := x.gen + 1
	if x.head != nil {
		p.giveHead(x.head)
	}
	fields, out := x.fields[:0], x.out[:0]
	if cap(fields)+cap(out) > mostKept {
		fields, out = nil, nil
	}
	*x = exchange{pool: p, gen: gen, declared: -1, fields: fields, out: out}
	if len(p.spare) < mostSpare {
		p.spare = append(p.spare, x)
	}
}
