// gateway: the way of a request to an upstream, and of the answer back.

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

type gateway struct {
	client      *client.Client
	upstreams   []*upstream
	turn        atomic.Uint32 // whose it is
	name        string
	trust       bool
	failTimeout time.Duration
	leftTimeout time.Duration
}

type upstream struct {
	url  string       // without a path
	down atomic.Int64 // until when it is not asked, in nanoseconds: it could not be reached
}

// pick is the next upstream that can be reached, as far as is known.
func (g *gateway) pick(now time.Time) *upstream {
	turn := int(g.turn.Add(1))
	for i := range g.upstreams {
		if u := g.upstreams[(turn+i)%len(g.upstreams)]; u.down.Load() <= now.UnixNano() {
			return u
		}
	}
	return g.upstreams[turn%len(g.upstreams)] // all are down: perhaps not any more
}

// A passage is a request on its way through.
type passage struct {
	g        *gateway
	w        server.Response
	r        server.Request
	head     head // of the request, for as many upstreams as are asked
	q        client.Request
	up       *upstream
	tries    int
	flowing  bool // the body is on its way, and cannot be sent to another
	answered bool
}

func (g *gateway) serve(w server.Response, r server.Request) {
	p := &passage{g: g, w: w, r: r, head: g.requestHead(r), tries: max(2, len(g.upstreams))}
	switch {
	case p.head.method == "CONNECT":
		w.Set("Allow", allow)
		refuse(w, 405, "this is a gateway to its own upstreams, and no proxy")
	case p.head.hops == 0:
		lastHop(w, r)
	default:
		r.Trailer(func(name, value []byte) { p.q.Trailer(string(name), string(value)) })
		w.OnAbort(p.left)
		p.ask()
	}
}

// ask sends the request to an upstream.
func (p *passage) ask() {
	p.tries--
	p.up = p.g.pick(p.w.Loop().Now())
	q := p.g.client.On(p.w.Loop()).Request(p.head.method, p.up.url)
	p.q = q
	p.head.send(q)
	q.Duplex()
	q.OnInform(p.inform)
	q.Do(p.answer)
	if p.r.Length() == 0 {
		q.End("")
		return
	}
	q.OnConn(func(*conn.Conn, bool) { q.OnDrain(p.flow) })
	q.Write(nil) // the head: the body follows when there is a connection, and 100 Continue if that was asked for
}

// flow has the body follow the head.
func (p *passage) flow() {
	if !p.flowing {
		p.flowing = true
		p.r.Pipe(p.q)
	}
}

func (p *passage) inform(a client.Response) {
	if a.Status() == 100 {
		p.w.Continue()
		return
	}
	for name, value := range a.EndToEnd() {
		p.w.AddBytes(name, value)
	}
	p.w.Inform(a.Status())
	for name := range a.EndToEnd() { // those of the answer proper come with it
		p.w.Del(string(name))
	}
}

// answer is what the upstream says, or that it does not.
func (p *passage) answer(a client.Response, err error) {
	if err != nil {
		p.failed(err)
		return
	}
	p.answered = true
	p.w.Status(a.Status())
	p.g.responseHead(p.w, a)
	switch {
	case a.Status() == 101:
		p.tunnel(a)
		return
	case p.head.method == "HEAD" && a.Get("Content-Length") == nil:
		p.w.Write(nil) // no length is said, not one of 0
	}
	a.Trailer(func(name, value []byte) { p.w.Trailer(string(name), string(value)) })
	a.Pipe(p.w)
}

// failed asks another upstream if it may, or says that there is no answer.
func (p *passage) failed(err error) {
	var e *client.Error
	errors.As(err, &e)
	if e.Phase == client.Resolve || e.Phase == client.Dial || e.Phase == client.TLS {
		p.up.down.Store(p.w.Loop().Now().Add(p.g.failTimeout).UnixNano())
	}
	dropped := errors.Is(err, client.ErrNoAnswer) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	switch {
	case e.Phase == client.Wait:
		refuse(p.w, 503, "too many requests are under way")
	case p.tries > 0 && !p.flowing && (!e.Written || p.head.idempotent() && dropped):
		p.ask()
	case e.Timeout():
		refuse(p.w, 504, "the upstream did not answer in time")
	default:
		refuse(p.w, 502, "the upstream did not answer")
	}
}

// left is the client's end. After a FIN alone it may still wait for the answer, and
// nothing but time tells it from one that is gone.
func (p *passage) left(cause error) {
	if cause != io.EOF {
		p.q.Abort()
		return
	}
	p.w.Loop().After(p.g.leftTimeout, func() {
		if !p.answered {
			p.q.Abort()
		}
	})
}

// tunnel joins the two connections, each of whose ends is passed on by itself.
func (p *passage) tunnel(a client.Response) {
	down, err := p.w.Hijack(nil)
	if err != nil {
		p.q.Abort()
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

// allow are the methods that every upstream may be asked by.
const allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"

// lastHop answers a TRACE or OPTIONS that goes no further (RFC 9110 7.6.2, 9.3.8).
func lastHop(w server.Response, r server.Request) {
	if string(r.Method()) == "OPTIONS" {
		w.Set("Allow", allow)
		w.End("")
		return
	}
	w.Set("Content-Type", "message/http")
	text := fmt.Sprintf("TRACE %s HTTP/1.%d\r\n", r.Target(), r.Minor())
	for name, value := range r.All() {
		if n := strings.ToLower(string(name)); n != "cookie" && n != "authorization" && n != "proxy-authorization" {
			text += fmt.Sprintf("%s: %s\r\n", name, value)
		}
	}
	w.End(text + "\r\n")
}

func refuse(w server.Response, status int, text string) {
	w.Status(status)
	w.Set("Content-Type", "text/plain")
	w.End(text + "\n")
}
