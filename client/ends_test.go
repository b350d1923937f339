// Ends that a program or its loop brings about: aborts, panics, a loop that stops.

package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// TestAbort ends exchanges at every moment there is.
func TestAbort(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for range 4 {
			io.WriteString(w, "0123456789")
			w.(http.Flusher).Flush()
		}
	})
	r := start(t, &Client{MaxConns: 4})
	aborted := func(ch chan error) {
		t.Helper()
		if err := wait(t, ch); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
	for _, moment := range []string{"before Do", "after Do", "after the head of the request", "after End", "in Do's function", "in Stream's function", "after the head of the answer", "waiting"} {
		for range 20 {
			ch := make(chan error, 4)
			r.do(func() {
				q := r.pool.Request("POST", url)
				is := func(m string) bool { return m == moment }
				if is("before Do") {
					q.Abort()
				}
				q.Do(func(a Response, err error) {
					if err != nil {
						ch <- err
						return
					}
					a.Stream(func(p []byte, err error) {
						if err != nil {
							ch <- err
						} else if is("in Stream's function") {
							q.Abort()
						}
					})
					if is("in Do's function") {
						q.Abort()
					} else if is("after the head of the answer") {
						r.loop.Post(func() { q.Abort() })
					}
				})
				if is("after Do") {
					q.Abort()
				}
				q.WriteString("hello")
				if is("after the head of the request") {
					q.Abort()
				}
				q.End("")
				if is("after End") {
					q.Abort()
				} else if is("waiting") {
					r.loop.Post(func() { q.Abort() })
				}
			})
			if moment != "after the head of the answer" && moment != "waiting" {
				aborted(ch)
			} else {
				wait(t, ch) // it may have been too late
			}
		}
	}
	r.get(url).want(t, "200 "+strings.Repeat("0123456789", 4))
}

// TestAbortedDials leaves nothing of dials that nobody waits for any more.
func TestAbortedDials(t *testing.T) {
	t.Parallel()
	n := 10_000
	if testing.Short() {
		n = 500
	}
	// A listener whose queue is full ignores SYNs.
	hole := blackHole(t)
	r := start(t, &Client{MaxConns: -1, MaxWaiting: -1})
	failed := 0
	for at := 0; at < n; at += 100 {
		var qs []Request
		r.do(func() {
			for range 100 {
				qs = append(qs, r.pool.Get(hole, func(_ Response, err error) { failed++ }))
			}
		})
		r.do(func() {}) // the connects are begun
		r.do(func() {
			for _, q := range qs {
				q.Abort()
			}
		})
	}
	until(t, "the loop has no connection", func() bool { // they are let go in portions
		r.do(func() {})
		return r.loop.Stats().Open == 0
	})
	r.do(func() {
		o := r.pool.origins["http"+strings.TrimPrefix(hole, "http")]
		if failed != n || o.open != 0 || o.dialling.n != 0 || o.waiting.n != 0 {
			t.Errorf("%d of %d failed; %d connections, %d dials and %d requests are left", failed, n, o.open, o.dialling.n, o.waiting.n)
		}
	})
}

// blackHole returns a URL that accepts no connection, and refuses none.
func blackHole(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	rc, err := ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	rc.Control(func(fd uintptr) { listenAgain(fd) })
	for range 8 {
		c, err := net.DialTimeout("tcp", ln.Addr().String(), 100*time.Millisecond)
		if err != nil {
			break
		}
		t.Cleanup(func() { c.Close() })
	}
	return "http://" + ln.Addr().String()
}

// TestPanics has each callback panic: others are asked and answered as before.
func TestPanics(t *testing.T) {
	t.Parallel()
	url := always(t, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n")
	empty, silent := always(t, "HTTP/1.1 204 None\r\n\r\n"), serveNothing(t)
	r := start(t, &Client{MaxConns: 1})
	for _, at := range []string{"OnInform", "Do", "Do of an empty one", "Stream", "the end of Stream", "Trailer", "an error"} {
		var q Request
		r.do(func() {
			is := func(s string) {
				if s == at {
					panic(at)
				}
			}
			to := url
			switch at {
			case "Do of an empty one":
				to = empty
			case "an error":
				to = silent
			}
			q = r.pool.Request("GET", to)
			q.OnInform(func(Response) { is("OnInform") })
			q.Do(func(a Response, err error) {
				if err != nil {
					is("an error")
					return
				}
				is("Do")
				is("Do of an empty one")
				a.Trailer(func(_, _ []byte) { is("Trailer") })
				a.Stream(func(p []byte, err error) {
					is("Stream")
					if err == io.EOF {
						is("the end of Stream")
					}
				})
			})
			q.End("")
			if at == "an error" {
				r.loop.Post(func() { q.Abort() })
			}
		})
		until(t, "panic in "+at, func() bool { return strings.Contains(r.logs.Take(), "panic in a handler") })
		r.get(url).want(t, "200 ok")
		r.get(empty).want(t, "204")
		r.logs.Take() // one that panics in Stream is told of the end, and panics again
	}
}

// TestLoopEnds has the loop stop with exchanges in every state: all are told.
func TestLoopEnds(t *testing.T) {
	t.Parallel()
	silent := serveNothing(t)
	stuck := peers(t, func(p *peer) {
		p.Head()
		p.Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
		io.Copy(io.Discard, p.In)
	})
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	pool := (&Client{MaxConns: 2}).On(l)
	ch := make(chan got, 20)
	for range 4 {
		pool.Get(silent, collect(ch))
		pool.Get(stuck, collect(ch))
		pool.Get("http://localhost:1/", collect(ch))
	}
	q := pool.Request("POST", silent)
	q.Do(collect(ch))
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	pool.loop.After(50*time.Millisecond, func() { cancel(stop) })
	if err := l.Run(ctx); err != stop {
		t.Error(err)
	}
	for range 12 {
		if g := wait(t, ch); g.err == nil {
			t.Error(g)
		}
	}
	c := pool.client
	pool.Close()
	start(t, c) // which looks who has ended
	if m := *c.pools.Load(); m[l] != nil {
		t.Error("the client keeps the pool of a loop that has ended")
	}
}

// TestSlowUpload answers as it is asked, more slowly than BodyTimeout: the server
// waits for us, and is not late.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	url := peers(t, func(p *peer) {
		p.Head()
		p.Say("HTTP/1.1 200 OK\r\n\r\n")
		io.ReadFull(p.In, make([]byte, 2))
		p.Say("ok")
	})
	r := start(t, &Client{BodyTimeout: 2 * time.Second})
	// A machine that stands still for BodyTimeout is late itself. So it is asked until it does not.
	until(t, "200 ok", func() bool {
		return r.ask("POST", url, func(q Request) {
			q.Duplex()
			q.Set("Content-Length", "2")
			q.WriteString("a")
			r.loop.After(2500*time.Millisecond, func() { q.End("b") })
		}).String() == "200 ok"
	})
}

// TestResetAfterAnswer has a server reset the connection after its answer, while nobody has asked
// for the body yet: what came before the reset counts.
func TestResetAfterAnswer(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("0123456789", 2000)
	for _, c := range []struct{ name, head, tail, want string }{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n", "", "whole"},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n", "\r\n0\r\n\r\n", "whole"},
		{"half", "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n", "", "reset"},
		{"until close", "HTTP/1.1 200 OK\r\n\r\n", "", "reset"},
		{"tunnel", "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "", "reset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			came, gone := make(chan bool), make(chan bool)
			url := peers(t, func(p *peer) {
				p.Head()
				p.Say(c.head + body + c.tail)
				<-came
				p.Reset()
				close(gone)
			})
			r := start(t, new(Client))
			var answer Response
			r.do(func() {
				q := r.pool.Request("GET", url)
				q.Set("Connection", "upgrade")
				q.Set("Upgrade", "x")
				q.Do(func(r Response, err error) { answer = r; close(came) })
				q.End("")
			})
			wait(t, gone)
			for range 3 { // turns of the loop, which is told of the reset
				r.do(func() {})
			}
			ended := make(chan error, 1)
			var got strings.Builder
			r.do(func() {
				if answer.Status() == 101 {
					_, err := answer.Hijack(&conn.Handler{
						Data:  func(_ *conn.Conn, p []byte) int { got.Write(p); return len(p) },
						Close: func(_ *conn.Conn, err error) { ended <- err },
					})
					if err != nil {
						ended <- err
					}
					return
				}
				err := answer.Stream(func(p []byte, err error) {
					if got.Write(p); err != nil {
						ended <- err
					}
				})
				if err != nil {
					ended <- err
				}
			})
			err := wait(t, ended)
			if got.String() != body {
				t.Errorf("%d bytes of the body, %v", got.Len(), err)
			}
			if ok := err == io.EOF; ok != (c.want == "whole") || !ok && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestIdleUnused has a server close a connection that was idle, and never used, as the first request
// comes on it. That is as little the request's fault as on a used one.
func TestIdleUnused(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{"GET": "200 other", "POST": "client: head: the server closed the connection without an answer: unexpected EOF (the request was written, at least in part)"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			asked, answer := make(chan bool, 1), make(chan bool)
			var lost atomic.Bool
			url := peers(t, func(p *peer) {
				first := p.Head()
				if strings.HasPrefix(first, "GET /slow ") {
					asked <- true
					<-answer
					for range 2 {
						p.Say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
						p.Head()
					}
				} else if first != "" && lost.Swap(true) {
					p.Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
					p.Head()
				}
			})
			var dials int
			var later func() // opens the second connection
			r := start(t, &Client{Connect: func(l *conn.Loop, addr string, h *conn.Handler, fail func(error)) {
				dial := func() {
					if _, err := l.Dial("tcp", addr, h); err != nil {
						fail(err)
					}
				}
				if dials++; dials == 2 {
					later = dial
				} else {
					dial()
				}
			}})
			first, second := make(chan got, 1), make(chan got, 1)
			r.do(func() { r.pool.Get(url+"/slow", collect(first)) })
			wait(t, asked)
			r.do(func() { r.pool.Get(url+"/slow", collect(second)) })
			close(answer)
			wait(t, first).want(t, "200 slow")
			wait(t, second).want(t, "200 slow")
			r.do(func() { later() })
			until(t, "two idle connections", func() (ok bool) {
				r.do(func() { ok = r.pool.idle.n == 2 })
				return ok
			})
			r.ask(method, url+"/lost", nil).want(t, want)
		})
	}
}
