// gateway: the way of a request to an upstream, and of the answer back.

package main

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/server"
)

type gateway struct {
	client      *client.Client
	upstreams   []*upstream
	turn        atomic.Uint32 // whose it is
	name        string        // in Via
	trust       bool          // X-Forwarded-* of clients
	failTimeout time.Duration // for which others are asked instead of one that failed
	leftTimeout time.Duration // for an answer to begin, to a client that has sent its FIN
}

type upstream struct {
	url  string       // without a path
	down atomic.Int64 // until when others are asked instead, in nanoseconds
}

// fails notes that u could not be reached, or did not answer in time.
func (g *gateway) fails(u *upstream, now time.Time) { u.down.Store(now.Add(g.failTimeout).UnixNano()) }

// pick returns the next upstream that can be reached, as far as is known.
func (g *gateway) pick(now time.Time) *upstream {
	turn := int(g.turn.Add(1))
	for i := range g.upstreams {
		if u := g.upstreams[(turn+i)%len(g.upstreams)]; u.down.Load() <= now.UnixNano() {
			return u
		}
	}
	return g.upstreams[turn%len(g.upstreams)] // all are down: perhaps not any more
}

// serve passes a request on.
func (g *gateway) serve(w server.Response, r server.Request) {
	switch method := string(r.Method()); {
	case r.LastHop() && method == "OPTIONS":
		w.Set("Allow", allow)
		w.End("")
		return
	case r.LastHop(), method == "CONNECT":
		w.Set("Allow", allow)
		refuse(w, 405, "this gateway does not do that")
		return
	}
	p := &passage{g: g, w: w, up: g.pick(w.Loop().Now()), left: max(1, len(g.upstreams)-1)}
	p.q = g.client.On(w.Loop()).Request(string(r.Method()), p.up.url)
	if p.q.Target(string(r.OriginForm())) != nil {
		refuse(w, 400, "this target cannot be asked for")
		return
	}
	r.Forward(g.name, g.trust, p.q.AddBytes)
	p.q.Duplex()
	p.q.OnLost(p.again)
	p.q.OnInform(p.inform)
	p.q.Do(p.answer)
	w.OnAbort(p.abort)
	r.Pipe(p.q)
}

// allow lists the methods that every upstream may be asked by.
const allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"

// A passage is a request on its way through.
type passage struct {
	g    *gateway
	w    server.Response
	q    client.Request
	up   *upstream
	left int // how many more times an upstream may be asked
}

// again chooses another upstream for a request that one has not answered.
func (p *passage) again(e *client.Error) (url string) {
	now := p.w.Loop().Now()
	if e.Phase < client.Write { // there was no connection
		p.g.fails(p.up, now)
	}
	if p.left--; p.left < 0 {
		return ""
	}
	p.up = p.g.pick(now)
	return p.up.url
}

// inform passes an interim answer on.
func (p *passage) inform(a client.Response) {
	a.Forward(p.g.name, p.w.AddBytes)
	p.w.Inform(a.Status())
	p.w.Reset() // its fields are not those of the answer
}

// answer passes the answer on, or says that there is none.
func (p *passage) answer(a client.Response, err error) {
	if err != nil {
		var e *client.Error
		if errors.As(err, &e); e.Timeout() {
			p.g.fails(p.up, p.w.Loop().Now())
		}
		refuse(p.w, e.Status(), "the upstream did not answer")
		return
	}
	p.w.Status(a.Status())
	a.Forward(p.g.name, p.w.AddBytes)
	switch a.Status() {
	case 101:
		p.tunnel(a)
	case 205:
		p.q.Abort()
		p.w.End("") // it has no content (RFC 9110 15.3.6)
	default:
		a.Pipe(answer{p.w})
	}
}

// An answer is the client's, to which the upstream's is piped.
type answer struct{ server.Response }

// Abort is called when the upstream's answer is cut off, or turns out to be malformed. The
// client has to see that what it got is not all. If it has got nothing there is a better
// answer.
func (w answer) Abort() error {
	if !w.Unwrite() {
		return w.Response.Abort()
	}
	refuse(w.Response, 502, "the upstream's answer is malformed")
	return nil
}

// tunnel joins the two connections: each FIN is passed on by itself.
func (p *passage) tunnel(a client.Response) {
	down, err := p.w.Hijack(nil)
	if err != nil {
		p.q.Abort()
		p.w.Reset()
		refuse(p.w, 502, "the upstream switched protocols in the middle of the request")
		return
	}
	up, err := a.Hijack(nil)
	if err != nil {
		down.Abort()
		return
	}
	up.Pipe(down)
	down.Pipe(up)
}

// abort is called when the client leaves. After a FIN alone it may still wait for the
// answer, and nothing but time distinguishes it from one that is gone.
func (p *passage) abort(cause error) {
	if cause != io.EOF {
		p.q.Abort()
		return
	}
	p.w.After(p.g.leftTimeout, func() {
		if !p.w.Begun() {
			p.q.Abort()
		}
	})
}

func refuse(w server.Response, status int, text string) {
	w.Status(status)
	w.Set("Content-Type", "text/plain")
	w.End(text + "\n")
}
