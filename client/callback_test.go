// Every kind of callback, and what may go wrong in it: its exchange ends alone, the
// books are kept, and others are asked and answered as before.

package client

import (
	"io"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/faulty"
)

// answered makes a kind of what is done with the answer.
func answered(fn func(a Response, bad func())) func(r *rig, q Request, bad func()) {
	return func(_ *rig, q Request, bad func()) {
		q.Do(func(a Response, err error) {
			if err == nil {
				fn(a, bad)
			}
		})
		q.End("")
	}
}

func ignore(Response, error) {}

// callbackKinds are all kinds of callback: each calls bad in one of them. The path
// chooses the server's answer.
var callbackKinds = []struct {
	name, path string
	ask        func(r *rig, q Request, bad func())
}{
	{"Do", "/", answered(func(_ Response, bad func()) { bad() })},
	{"Do of no body", "/204", answered(func(_ Response, bad func()) { bad() })},
	{"Do of an error", "/silent", func(r *rig, q Request, bad func()) {
		q.Do(func(_ Response, err error) { bad() })
		q.End("")
		r.loop.Post(func() { q.Abort() })
	}},
	{"OnInform", "/", func(_ *rig, q Request, bad func()) { q.OnInform(func(Response) { bad() }); q.Do(ignore); q.End("") }},
	{"OnConn", "/", func(_ *rig, q Request, bad func()) {
		q.OnConn(func(*conn.Conn, bool) { bad() })
		q.Do(ignore)
		q.End("")
	}},
	{"OnLost", "/reset", func(_ *rig, q Request, bad func()) {
		q.OnLost(func(*Error) string { bad(); return "" })
		q.Do(ignore)
		q.End("")
	}},
	{"OnDrain", "/", func(_ *rig, q Request, bad func()) { q.OnDrain(bad); q.Do(ignore); q.End("") }},
	{"Stream", "/", answered(func(a Response, bad func()) { a.Stream(func([]byte, error) { bad() }) })},
	{"the end of Stream", "/", answered(func(a Response, bad func()) {
		a.Stream(func(_ []byte, err error) {
			if err == io.EOF {
				bad()
			}
		})
	})},
	{"Stream of half", "/half", answered(func(a Response, bad func()) {
		a.Stream(func(_ []byte, err error) {
			if err != nil && err != io.EOF {
				bad()
			}
		})
	})},
	{"Body", "/", answered(func(a Response, bad func()) { a.Body(100, func([]byte, error) { bad() }) })},
	{"Body that is too large", "/", answered(func(a Response, bad func()) { a.Body(1, func([]byte, error) { bad() }) })},
	{"Trailer", "/", answered(func(a Response, bad func()) {
		a.Trailer(func(_, _ []byte) { bad() })
		a.Stream(func([]byte, error) {})
	})},
	{"Sink.Write", "/", answered(func(a Response, bad func()) { a.Pipe(faulty.Sink{In: "Write", Bad: bad}) })},
	{"Sink.Full", "/", answered(func(a Response, bad func()) { a.Pipe(faulty.Sink{In: "Full", Bad: bad}) })},
	{"Sink.OnDrain", "/", answered(func(a Response, bad func()) { a.Pipe(faulty.Sink{In: "OnDrain", Bad: bad}) })},
	{"Sink.Close", "/", answered(func(a Response, bad func()) { a.Pipe(faulty.Sink{In: "Close", Bad: bad}) })},
	{"Sink.Abort", "/half", answered(func(a Response, bad func()) { a.Pipe(faulty.Sink{In: "Abort", Bad: bad}) })},
	{"Data of a hijacked one", "/until", answered(func(a Response, bad func()) {
		a.Hijack(&conn.Handler{Data: func(_ *conn.Conn, p []byte) int { bad(); return len(p) }})
	})},
	{"Close of a hijacked one", "/until", answered(func(a Response, bad func()) {
		a.Hijack(&conn.Handler{Close: func(*conn.Conn, error) { bad() }})
	})},
	{"Connect", "/connect", nil},
	{"Dialer.Control", "/control", nil},
}

var callbackMistakes = map[string]func(r *rig, q Request){
	"panic":       func(*rig, Request) { panic("on purpose") },
	"nil panic":   func(*rig, Request) { panic(http.ErrAbortHandler) },
	"Goexit":      func(*rig, Request) { runtime.Goexit() },
	"blocks":      func(_ *rig, q Request) { time.Sleep(20 * time.Millisecond); q.Abort() },
	"Abort":       func(_ *rig, q Request) { q.Abort() },
	"Abort panic": func(_ *rig, q Request) { q.Abort(); panic("on purpose") },
	"CloseIdle":   func(r *rig, _ Request) { r.pool.CloseIdle() },
	"Close":       func(r *rig, _ Request) { r.pool.Close() },
	"Close panic": func(r *rig, _ Request) { r.pool.Close(); panic("on purpose") },
}

func TestMistakesInCallbacks(t *testing.T) {
	t.Parallel()
	urls := map[string]string{
		"/":       always(t, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n"),
		"/204":    always(t, "HTTP/1.1 204 None\r\n\r\n"),
		"/silent": serveNothing(t),
		"/half":   peers(t, func(p *peer) { p.Head(); p.Say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") }),
		"/reset":  peers(t, func(p *peer) { p.Head(); p.Reset() }),
		"/until": peers(t, func(p *peer) {
			p.Head()
			p.Say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes")
		}),
	}
	for _, k := range callbackKinds {
		for name, mistake := range callbackMistakes {
			t.Run(k.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				called := make(chan bool, 100)
				var r *rig
				var q Request
				good := false // from now on nothing goes wrong
				bad := func() {
					if !good {
						called <- true
						mistake(r, q)
					}
				}
				c := &Client{MaxConns: 1, DialTimeout: patience}
				switch k.path {
				case "/connect":
					c.DialTimeout = time.Second // after which a connection that nobody opens counts no more
					c.Connect = func(l *conn.Loop, addr string, h *conn.Handler, fail func(error)) {
						bad()
						c.Dialer.Dial(l, "tcp", addr, h)
					}
				case "/control":
					c.Dialer.Control = func(string, string, syscall.RawConn) error { bad(); return nil }
				}
				r = start(t, c)
				url, ask := urls[k.path], k.ask
				if url == "" {
					url = urls["/"]
				}
				if ask == nil {
					ask = answered(func(Response, func()) {})
				}
				r.do(func() {
					q = r.pool.Request("GET", url)
					if k.path == "/until" {
						q.Set("Connection", "upgrade")
						q.Set("Upgrade", "x")
					}
				})
				r.loop.Post(func() { ask(r, q, bad) })
				wait(t, called)
				r.do(func() { // what goes wrong ends the exchange; where nothing does, nobody reads the answer
					if good = true; name == "CloseIdle" {
						q.Abort()
					}
				})
				if name != "Close" && name != "Close panic" {
					for url, want := range map[string]string{"/": "200 ok", "/204": "204"} {
						if k.path == "/connect" { // the machine may be busy for DialTimeout
							until(t, "a connection in time", func() bool { return r.get(urls[url]).err == nil })
						}
						r.get(urls[url]).want(t, want)
					}
				}
				r.do(func() { q.Abort() })
				r.logs.Take()
			})
		}
	}
}
