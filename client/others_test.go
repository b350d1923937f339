// A panic of the program in one exchange's callback, and the others: those whose books are being kept at that
// moment are told all the same.

package client

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

var faults = map[string]func(){"panic": func() { panic("on purpose") }, "Goexit": runtime.Goexit}

// TestFaultInOnConn has OnConn fail where no connection's callback runs, and where the callback of
// another exchange, which ends, does.
func TestFaultInOnConn(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 204 None\r\n\r\n"} {
		url := always(t, answer)
		for name, fault := range faults {
			for _, busy := range []bool{false, true} {
				r := start(t, &Client{MaxConns: 1})
				want := r.get(url).String()
				first, second := make(chan got, 2), make(chan got, 2)
				r.loop.Post(func() {
					if busy {
						p := r.pool.Request("GET", url)
						p.Do(collect(first))
						p.End("")
					}
					q := r.pool.Request("GET", url)
					q.OnConn(func(*conn.Conn, bool) { fault() })
					q.Do(collect(second))
					q.End("")
				})
				if busy {
					wait(t, first).want(t, want)
				}
				if g := wait(t, second); g.err == nil {
					t.Errorf("%s: %v", name, g)
				}
				r.get(url).want(t, want) // the connection counts no more
				r.logs.Take()
			}
		}
	}
}

// TestFaultInOneOfMany has the first of those fail that a connection was opened for, and that have to be told
// that there is none.
func TestFaultInOneOfMany(t *testing.T) {
	t.Parallel()
	url := "http://" + loopback.Refused(t)
	for name, fault := range faults {
		r := start(t, &Client{Pipeline: 8, MaxConns: 1})
		told := make(chan int, 10)
		r.loop.Post(func() {
			for i := range 5 {
				r.pool.Get(url, func(_ Response, err error) {
					if told <- i; i == 0 {
						fault()
					}
				})
			}
		})
		for i := range 5 {
			if at := wait(t, told); at != i {
				t.Errorf("%s: %d was told in place of %d", name, at, i)
			}
		}
		r.logs.Want(t, "in a handler")
	}
}

// TestFaultInConnect has Connect fail as a connection ends whose exchange is still to be told.
func TestFaultInConnect(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		addr := loopback.Serve(t, func(p *peer) {
			p.Head()
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
		})
		dials := 0
		r := start(t, &Client{MaxConns: 1, DialTimeout: -1, Connect: func(l *conn.Loop, _ string, h *conn.Handler, _ func(error)) {
			if dials++; dials > 1 {
				fault()
			}
			l.Dial("tcp", addr.String(), h)
		}})
		first, second := make(chan got, 2), make(chan got, 2)
		r.loop.Post(func() {
			r.pool.Get("http://x", collect(first))
			r.pool.Get("http://x", collect(second))
		})
		if g := wait(t, first); g.err == nil || g.body != "half" {
			t.Errorf("%s: %v", name, g)
		}
		if g := wait(t, second); g.err == nil {
			t.Errorf("%s: %v", name, g)
		}
		r.logs.Want(t, "in a handler")
	}
}

// TestFaultInLine has OnConn fail for the first of those who were in line on a connection that has ended.
func TestFaultInLine(t *testing.T) {
	t.Parallel()
	var served atomic.Int32
	url := peers(t, func(p *peer) { // the first connection answers once, and ends when four more requests have come
		p.Head()
		p.Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		if served.Add(1) == 1 {
			for range 4 {
				p.Head()
			}
			return
		}
		for p.Head() != "" {
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	for name, fault := range faults {
		served.Store(0)
		r := start(t, &Client{Pipeline: 8, MaxConns: 1})
		r.get(url).want(t, "200 ok")
		chs := make([]chan got, 4)
		r.loop.Post(func() {
			for i := range chs {
				chs[i] = make(chan got, 2)
				q := r.pool.Request("GET", url)
				if i == 1 {
					conns := 0
					q.OnConn(func(*conn.Conn, bool) {
						if conns++; conns > 1 {
							fault()
						}
					})
				}
				q.Do(collect(chs[i]))
				q.End("")
			}
		})
		r.do(func() {})
		for i, ch := range chs {
			if g := wait(t, ch); (g.err == nil) != (i != 1) {
				t.Errorf("%s: %d got %v", name, i, g)
			}
		}
		r.logs.Want(t, "in a handler")
	}
}
