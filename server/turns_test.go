// No peer decides how long a turn is, and no callback's end what is left behind.

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// TestPortionOfAPipeline: after some requests of one client, or pieces of its
// body, others have their turn, however dear the handler is; all are answered.
func TestPortionOfAPipeline(t *testing.T) {
	t.Parallel()
	const n = 600
	for _, dear := range []bool{false, true} {
		var turn uint64
		var in, most int // of the loop alone
		var s *rig
		count := func() {
			if now := s.workers[0].turns; now != turn {
				turn, in = now, 0
			}
			in++
			most = max(most, in)
			for t := time.Now(); dear && time.Since(t) < 200*time.Microsecond; {
			}
		}
		s = start(t, &Server{}, func(w Response, r Request) {
			if string(r.Method()) == "GET" {
				count()
				w.End("ok")
				return
			}
			r.Stream(func(p []byte, last bool) {
				if count(); last {
					w.End("ok")
				}
			})
		})
		limit := mostHeads
		if dear {
			limit = 40
		}
		for _, in := range []string{
			strings.Repeat(get("/"), n),
			strings.Repeat(post("/", "x"), n),
			chunked1(strings.Repeat("1\r\nx\r\n", n) + "0\r\n\r\n"),
		} {
			answers := strings.Count(in, "HTTP/1.1")
			if answers == 1 && !dear {
				limit = n // of pieces that cost nothing there may be many
			}
			// On a busy machine the clock may be behind: so it is asked until it is not.
			until(t, fmt.Sprintf("%.20q, dear %v: at most %d in one turn", in, dear, limit), func() bool {
				s.do(func() { most = 0 })
				c := s.dial()
				defer c.Close()
				go io.WriteString(c, in)
				for range answers {
					c.Want("200 ok")
				}
				var was int
				s.do(func() { was = most })
				return was <= limit+1
			})
		}
	}
}

// TestHeadOfALongAnswerYields: a loop that writes until Full yields, also to HEAD,
// of whose answer nothing is sent (guide.md, "Long answers").
func TestHeadOfALongAnswerYields(t *testing.T) {
	t.Parallel()
	var over atomic.Bool
	part := make([]byte, 1000)
	f := file(t, strings.Repeat("x", 1000))
	defer f.Close()
	s := start(t, &Server{}, func(w Response, r Request) {
		if string(r.Path()) == "/" {
			w.End("ok")
			return
		}
		var more func()
		more = func() {
			for !w.Full() {
				var err error
				if string(r.Path()) == "/files" {
					err = w.SendFile(f, 0, 1000)
				} else {
					_, err = w.Write(part)
				}
				if err != nil || over.Load() {
					return
				}
			}
			w.OnDrain(more)
		}
		more()
	})
	defer over.Store(true)
	a, b := s.dial(), s.dial()
	a.Send(request("HEAD", "/endless"))
	if _, err := a.Answer("HEAD"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		b.Send(get("/"))
		b.Want("200 ok")
	}
	a.Close()
}

// A calling is a kind of callback, and how it comes about.
var callings = []struct {
	name string
	srv  func(do func()) *Server
	h    func(do func(), w Response, r Request)
	act  func(c *client)
}{
	{"the handler", nil, func(do func(), w Response, r Request) { do() }, nil},
	{"After", nil, func(do func(), w Response, r Request) { w.After(time.Millisecond, do) }, nil},
	{"Post", nil, func(do func(), w Response, r Request) { w.Post(do) }, nil},
	{"Stream", nil, func(do func(), w Response, r Request) { r.Stream(func([]byte, bool) { do() }) }, nil},
	{"Body", nil, func(do func(), w Response, r Request) { r.Body(10, func([]byte) { do() }) }, nil},
	{"Trailer", nil, func(do func(), w Response, r Request) {
		r.Trailer(func(_, _ []byte) { do() })
		r.Body(10, func([]byte) {})
	}, nil},
	{"OnDrain", nil, func(do func(), w Response, r Request) { w.OnDrain(do) }, nil},
	{"OnAbort, at a FIN", nil, func(do func(), w Response, r Request) {
		w.OnAbort(func() { do(); w.End("") })
		r.Body(10, func([]byte) {})
	}, func(c *client) { c.FIN() }},
	{"OnAbort, at a reset", nil, func(do func(), w Response, r Request) { w.OnAbort(do); r.Body(10, func([]byte) {}) }, func(c *client) { c.Reset() }},
	{"OnAbort, at Abort", nil, func(do func(), w Response, r Request) { w.OnAbort(do); w.Abort() }, nil},
	{"Access", func(do func()) *Server { return &Server{Access: func(Access) { do() }} }, func(do func(), w Response, r Request) { w.End("") }, nil},
	{"Access, of who has left", func(do func()) *Server { return &Server{Access: func(Access) { do() }} }, func(do func(), w Response, r Request) { r.Body(10, func([]byte) {}) }, func(c *client) { c.Reset() }},
	{"OnRefuse", func(do func()) *Server { return &Server{OnRefuse: func(Refusal) { do() }} }, func(do func(), w Response, r Request) { r.Body(1, nil) }, nil},
	{"a hijacked connection's Data", nil, func(do func(), w Response, r Request) {
		r.Body(10, func([]byte) {
			w.Hijack(&conn.Handler{Data: func(c *conn.Conn, p []byte) int { do(); return len(p) }})
		})
	}, func(c *client) { c.Send("x") }},
}

// TestCallbacks: whatever a callback does, it ends its own connection alone: its
// place in the counts and the hubs is given back, and the server goes on, or
// stops if that was asked for.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	for _, k := range callings {
		for how, do := range map[string]func(s *rig){
			"panics":   func(*rig) { panic("on purpose") },
			"Goexit":   func(*rig) { runtime.Goexit() },
			"Close":    func(s *rig) { s.Close() },
			"Shutdown": func(s *rig) { s.Shutdown(context.Background()) },
			"a timeout": func(s *rig) {
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer cancel()
				s.Shutdown(ctx)
			},
		} {
			t.Run(k.name+", "+how, func(t *testing.T) {
				t.Parallel()
				var hub Hub
				var s *rig
				var once sync.Once
				called := make(chan bool)
				act := func() {
					once.Do(func() { close(called); do(s) })
				}
				srv := &Server{}
				if k.srv != nil {
					srv = k.srv(act)
				}
				srv.MaxConns, srv.DrainTimeout = 2, 10*time.Millisecond
				set := make(chan bool)
				s = start(t, srv, func(w Response, r Request) {
					<-set
					if string(r.Path()) == "/others" {
						w.End("ok")
						return
					}
					if k.name != "OnAbort, at a FIN" {
						hub.Add(w)
					}
					k.h(act, w, r)
				})
				close(set)
				c := s.dial()
				c.Send(request("POST", "/", "Transfer-Encoding: chunked") + "2\r\nhi\r\n0\r\nX: y\r\n\r\n")
				if k.act != nil {
					until(t, "the request is there", func() bool { return s.Stats().Requests == 1 })
					k.act(c)
				}
				wait(t, called)
				switch how {
				case "panics", "Goexit":
					c.WantGone()
					until(t, "it is counted out", func() bool { return s.Stats().Conns == 0 && hub.Len() == 0 })
					for range 3 {
						other := s.dial()
						other.Send(get("/others"))
						other.Want("200 ok")
						other.Close()
						s.idle()
					}
				default:
					s.workers[0].loop.Post(func() { hub.End(nil) }) // Shutdown lets it end
					c.Close()
					if err := wait(t, s.serve); err != nil {
						t.Error(err)
					}
					s.serve <- nil
				}
				s.logs.Take()
			})
		}
	}
}

// TestShutdownHeedsItsContext: also while a callback blocks a loop.
func TestShutdownHeedsItsContext(t *testing.T) {
	t.Parallel()
	entered, hold := make(chan bool), make(chan bool)
	s := start(t, &Server{}, func(w Response, r Request) { close(entered); <-hold })
	c := s.dial()
	c.Send(get("/"))
	wait(t, entered)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(ctx) }()
	if err := wait(t, done); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(hold)
}

// TestPostponedBodyIsInTime: a body that has come, and waits until others have had their
// turn, is not late, however late the next turn is.
func TestPostponedBodyIsInTime(t *testing.T) {
	t.Parallel()
	const limit = 20 * time.Millisecond
	for way, answer := range map[string]func(w Response, r Request){
		"received":  func(w Response, r Request) { r.Body(10, func(p []byte) { w.EndBytes(p) }) },
		"discarded": func(w Response, r Request) { w.End("abc") },
	} {
		s := start(t, &Server{BodyTimeout: limit}, func(w Response, r Request) {
			if string(r.Method()) != "POST" {
				w.End("")
				return
			}
			w.Post(func() { time.Sleep(3 * limit) }) // the machine stops, say
			answer(w, r)
			for !w.Loop().Late() {
			}
		})
		c := s.dial()
		c.Send(post("/", "abc") + get("/"))
		if a, err := c.Answer("POST"); err != nil || a.String() != "200 abc" {
			t.Errorf("%s: answered %v, %v", way, a, err)
		}
		if a, err := c.Answer("GET"); err != nil || a.String() != "200" {
			t.Errorf("%s: the next request is answered %v, %v", way, a, err)
		}
	}
}
