// What the tests share: a loop with a pool on it, servers that speak raw bytes, and
// waiting without sleeping.

package client

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/poller"
)

// What package loopback has, in short.
type peer = loopback.Peer

const patience = loopback.Patience

var until = loopback.Until

func wait[T any](t testing.TB, ch <-chan T) T { t.Helper(); return loopback.Wait(t, ch) }

// A rig is a loop that runs until the test ends, and a client's pool on it.
type rig struct {
	*Client
	t    testing.TB
	loop *conn.Loop
	pool *Pool
	logs *loopback.Log
}

func start(t testing.TB, c *Client) *rig {
	t.Helper()
	return startWith(t, c, func(*conn.Loop) {})
}

// startWith is start for a loop with other settings.
func startWith(t testing.TB, c *Client, set func(l *conn.Loop)) *rig {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Client: c, t: t, loop: l, logs: new(loopback.Log)}
	l.Log = slog.New(r.logs)
	set(l)
	l.Ref()
	r.pool = c.On(l)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		var open int
		r.do(func() { r.pool.Close() })
		r.do(func() {
			for _, o := range r.pool.origins {
				open += o.waiting.n + o.dialling.n + o.idle.n
			}
		})
		if open != 0 {
			t.Errorf("%d connections or requests are left in the lists", open)
		}
		cancel()
		wait(t, done)
		for _, o := range r.pool.origins {
			if o.open != 0 || o.waiting.n != 0 {
				t.Errorf("%s: %d connections and %d requests are left when the loop has ended", o.addr, o.open, o.waiting.n)
			}
		}
		r.logs.WantEmpty(t)
	})
	return r
}

// do runs fn on the loop and waits for it.
func (r *rig) do(fn func()) {
	r.t.Helper()
	done := make(chan struct{})
	if err := r.loop.Post(func() { defer close(done); fn() }); err != nil {
		r.t.Fatal(err)
	}
	wait(r.t, done)
}

// An outcome of an exchange, as tests compare it.
type got struct {
	r      Response
	status int
	body   string
	fields string
	err    error
}

func (g got) String() string {
	if g.err != nil {
		return g.err.Error()
	}
	return strings.TrimSpace(fmt.Sprint(g.status, " ", g.body))
}

// collect makes a function for Do that sends what comes of the exchange.
func collect(ch chan<- got) func(r Response, err error) {
	return func(r Response, err error) {
		if err != nil {
			ch <- got{err: err}
			return
		}
		var fields strings.Builder
		for name, value := range r.All() {
			fmt.Fprintf(&fields, "%s: %s\n", name, value)
		}
		var body strings.Builder
		err = r.Stream(func(p []byte, err error) {
			body.Write(p)
			switch {
			case err == io.EOF:
				ch <- got{r: r, status: r.Status(), body: body.String(), fields: fields.String()}
			case err != nil:
				ch <- got{r: r, status: r.Status(), body: body.String(), fields: fields.String(), err: err}
			}
		})
		if err != nil {
			ch <- got{err: err}
		}
	}
}

// ask makes a request on the loop, has fn complete it, and waits for what comes.
func (r *rig) ask(method, url string, fn func(q Request)) got {
	r.t.Helper()
	ch := make(chan got, 8)
	r.do(func() {
		q := r.pool.Request(method, url)
		q.Do(collect(ch))
		if fn == nil {
			q.End("")
		} else {
			fn(q)
		}
	})
	return wait(r.t, ch)
}

func (r *rig) get(url string) got { r.t.Helper(); return r.ask("GET", url, nil) }

// want compares what came of an exchange in short.
func (g got) want(t testing.TB, short string) got {
	t.Helper()
	if g.String() != short {
		t.Fatalf("got %.200q, %d bytes of body; want %.200q", g.String(), len(g.body), short)
	}
	return g
}

// serve is a server of net/http.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := loopback.HTTP(h)
	t.Cleanup(s.Close)
	return s.URL
}

// peers is a server that has fn speak on each connection, on a goroutine of its own.
func peers(t testing.TB, fn func(p *peer)) (url string) {
	t.Helper()
	return "http://" + loopback.Serve(t, fn).String()
}

// always answers each request in the same way, and reads no bodies.
func always(t testing.TB, answer string) (url string) {
	return peers(t, func(p *peer) {
		for p.Head() != "" {
			p.Say(answer)
		}
	})
}
