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
	leftTimeout time.Duration // for an answer to begin, or for more of it, to a client that has sent its FIN
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
	method := string(r.Method())
	switch last := r.LastHop(); {
	case last && method == "OPTIONS":
		w.Set("Allow", allow)
		w.End("")
		return
	case last, method == "CONNECT":
		w.Set("Allow", allow)
		refuse(w, 405, "this gateway does not do that")
		return
	}
	p := &passage{Response: w, g: g, up: g.pick(w.Loop().Now()), left: max(1, len(g.upstreams)-1)}
	p.q = g.client.On(w.Loop()).Request(method, p.up.url)
	if p.q.Target(string(r.OriginForm())) != nil {
		refuse(w, 400, "this target cannot be asked for")
		return
	}
	r.Forward(g.name, g.trust, p.q.AddBytes)
	p.q.Duplex()
	p.q.OnLost(p.again)
	p.q.OnInform(p.inform)
	p.q.Do(p.answer)
	w.OnAbort(p.leaves)
	r.Pipe(&p.q) // not p.q, of which a copy would go to the heap
}

// allow lists the methods that are never refused here: TRACE is, at its last hop, and a
// 405 must not list what it refuses (RFC 9110 15.5.6).
const allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// A passage is a request on its way through. It is the client's answer, too, to which the
// upstream's is piped.
type passage struct {
	server.Response
	g     *gateway
	q     client.Request
	up    *upstream
	left  int // how many more times an upstream may be asked
	parts int // of the answer, so far
}

// again chooses another upstream for a request that one has not answered.
func (p *passage) again(e *client.Error) (url string) {
	now := p.Loop().Now()
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
	a.Forward(p.g.name, p.AddBytes)
	p.Inform(a.Status())
	p.Reset() // its fields are not those of the answer
}

// answer passes the answer on, or says that there is none.
func (p *passage) answer(a client.Response, err error) {
	if err != nil {
		var e *client.Error
		if errors.As(err, &e); e.Timeout() {
			p.g.fails(p.up, p.Loop().Now())
		}
		refuse(p.Response, e.Status(), "the upstream did not answer")
		return
	}
	p.Status(a.Status())
	a.Forward(p.g.name, p.AddBytes)
	switch a.Status() {
	case 101:
		p.tunnel(a)
	case 205:
		p.q.Abort()
		p.End("") // it has no content (RFC 9110 15.3.6)
	default:
		a.Pipe(p)
	}
}

// Write sends a part of the answer.
func (p *passage) Write(b []byte) (int, error) {
	p.parts++
	return p.Response.Write(b)
}

// Abort is called when the upstream's answer is cut off, or turns out to be malformed. The
// client has to see that what it got is not all. If it has got nothing there is a better
// answer.
func (p *passage) Abort() error {
	if !p.Unwrite() {
		return p.Response.Abort()
	}
	refuse(p.Response, 502, "the upstream's answer is malformed")
	return nil
}

// tunnel joins the two connections: each FIN is passed on by itself.
func (p *passage) tunnel(a client.Response) {
	down, err := p.Hijack(nil)
	if err != nil {
		p.q.Abort()
		p.Reset()
		refuse(p.Response, 502, "the upstream switched protocols in the middle of the request")
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

// leaves is called when the client leaves. After a FIN alone it may still wait for the
// answer. One that is gone resets the connection when it is sent something: while the
// upstream is silent, nothing but time distinguishes the two.
func (p *passage) leaves(cause error) {
	if cause != io.EOF {
		p.q.Abort()
		return
	}
	parts := p.parts
	p.After(p.g.leftTimeout, func() {
		if p.parts == parts && !p.Full() {
			p.q.Abort()
			return
		}
		p.leaves(cause)
	})
}

func refuse(w server.Response, status int, text string) {
	w.Status(status)
	w.Set("Content-Type", "text/plain")
	w.End(text + "\n")
}
