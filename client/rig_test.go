// What the tests share: a loop with a pool on it, servers that speak raw bytes, and
// waiting without sleeping.

package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// patience is how long a test waits for what has to happen: no test takes it as
// long as the code is right.
const patience = 20 * time.Second

// A rig is a loop that runs until the test ends, and a client's pool on it.
type rig struct {
	*Client
	t    testing.TB
	loop *conn.Loop
	pool *Pool
	logs *logs
}

func start(t testing.TB, c *Client) *rig {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Client: c, t: t, loop: l, logs: new(logs)}
	l.Log = slog.New(r.logs)
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
		if text := r.logs.take(); text != "" {
			t.Errorf("logged: %s", text)
		}
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
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// A peer is one connection that a raw server has accepted.
type peer struct {
	net.Conn
	in *bufio.Reader
	t  testing.TB
}

// peers is a server that has fn speak on each connection, on a goroutine of its own.
func peers(t testing.TB, fn func(p *peer)) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer func() {
					mu.Lock()
					delete(open, c)
					mu.Unlock()
					c.Close()
				}()
				fn(&peer{c, bufio.NewReader(c), t})
			}()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

// head reads a request's head, and returns its lines; "" at the end.
func (p *peer) head() string {
	var b strings.Builder
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return ""
		}
		if line == "\r\n" {
			return b.String()
		}
		b.WriteString(line)
	}
}

func (p *peer) say(s string) { io.WriteString(p, s) }

// reset closes the connection with an RST.
func (p *peer) reset() {
	p.Conn.(*net.TCPConn).SetLinger(0)
	p.Close()
}

// always answers each request in the same way, and reads no bodies.
func always(t testing.TB, answer string) (url string) {
	return peers(t, func(p *peer) {
		for p.head() != "" {
			p.say(answer)
		}
	})
}

// logs keeps what was logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Enabled(context.Context, slog.Level) bool { return true }
func (l *logs) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logs) WithGroup(string) slog.Handler            { return l }
func (l *logs) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&l.text, " %v", a); return true })
	l.text.WriteByte('\n')
	return nil
}

// take returns what was logged, and forgets it.
func (l *logs) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	l.text.Reset()
	return text
}

// until waits for ok, and fails the test if it does not come to be.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// wait waits for a channel.
func wait[T any](t testing.TB, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatal("waited in vain")
	}
	return v
}
