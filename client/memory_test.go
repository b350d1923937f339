package client

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// TestBodyIsCharged: what Body has collected counts for the loop's MaxMemory until it is
// handed over, or the answer is cut off.
func TestBodyIsCharged(t *testing.T) {
	t.Parallel()
	const half = 300_000
	for _, whole := range []bool{true, false} {
		more := make(chan bool)
		url := peers(t, func(p *peer) {
			p.Head()
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\n" + strings.Repeat("x", half))
			if <-more {
				p.Say(strings.Repeat("y", half))
				io.Copy(io.Discard, p.In)
			}
		})
		r := start(t, &Client{})
		came := make(chan int, 1)
		r.do(func() {
			r.pool.Get(url, func(a Response, err error) {
				if err != nil {
					t.Error(err)
					return
				}
				a.Body(1<<20, func(body []byte, err error) {
					if whole != (err == nil) {
						t.Error(err)
					}
					came <- len(body)
				})
			})
		})
		until(t, "half of it counts", func() bool { return r.loop.Stats().Held >= half })
		more <- whole
		if n := wait(t, came); whole && n != 2*half {
			t.Errorf("%d bytes", n)
		}
		until(t, "it counts no more", func() bool { return r.loop.Stats().Held == 0 })
	}
}

// TestWaitingIsCharged: so does a request's body while it waits, for a connection or for 100
// Continue.
func TestWaitingIsCharged(t *testing.T) {
	t.Parallel()
	const size = 100_000
	for _, continues := range []bool{false, true} {
		goOn, read := make(chan bool), make(chan int, 3)
		url := peers(t, func(p *peer) {
			for p.Head() != "" {
				<-goOn
				if continues {
					p.Say("HTTP/1.1 100 Continue\r\n\r\n")
				}
				n, _ := io.CopyN(io.Discard, p.In, size)
				read <- int(n)
				p.Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
		})
		r := start(t, &Client{MaxConns: 1, ContinueTimeout: -1})
		ch := make(chan got, 3)
		ask := func() (q Request) {
			r.do(func() {
				q = r.pool.Request("POST", url)
				if continues {
					q.Set("Expect", "100-continue")
				}
				q.Do(collect(ch))
				q.End(strings.Repeat("x", size))
			})
			return q
		}
		ask()
		ask()
		aborted := ask()
		waiting := 2 * size // the third is on its way
		if continues {
			waiting = 3 * size
		}
		until(t, "what waits counts", func() bool { return r.loop.Stats().Held >= waiting })
		r.do(func() { aborted.Abort() })
		if g := wait(t, ch); g.err == nil {
			t.Error(g)
		}
		close(goOn)
		for range 2 {
			if n := wait(t, read); n != size {
				t.Errorf("%d bytes came", n)
			}
			wait(t, ch).want(t, "200")
		}
		until(t, "it counts no more", func() bool { return r.loop.Stats().Held == 0 })
	}
}

// TestWaitingIsBounded: requests whose bodies wait fail when these hold too much, and the others
// do not.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	serve := make(chan bool)
	url := peers(t, func(p *peer) {
		<-serve
		for p.Head() != "" {
			if _, err := io.CopyN(io.Discard, p.In, 100_000); err != nil {
				return
			}
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	r := startWith(t, &Client{MaxConns: 1}, func(l *conn.Loop) { l.MaxMemory = 2 << 20 })
	ch := make(chan got, 20)
	r.do(func() {
		for range 20 {
			q := r.pool.Request("POST", url)
			q.Do(collect(ch))
			q.End(strings.Repeat("x", 100_000))
		}
	})
	r.do(func() {}) // what failed has been said
	failed := 0
	for len(ch) > 0 {
		if g := <-ch; !errors.Is(g.err, conn.ErrMemory) {
			t.Error(g)
		}
		failed++
	}
	if failed < 10 || failed > 17 {
		t.Errorf("%d of 20 failed", failed)
	}
	close(serve)
	for range 20 - failed {
		wait(t, ch).want(t, "200")
	}
}
