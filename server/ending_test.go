// How exchanges end in the middle, and what is left behind.

package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// TestCutOff is row 53: what is incomplete is never handed on as whole.
func TestCutOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"an empty line", "\r\n", ""},
		{"a head", "GET / HTTP/1.1\r\nHost: x\r\n", ""},
		{"a second head", get("/") + "GET /", "200 GET /"},
		{"a body", request("POST", "/", "Content-Length: 3") + "hi", "400"},
		{"a body of which nothing came", request("POST", "/", "Content-Length: 3"), "400"},
		{"a chunk", chunked1("3\r\nhi"), "400"},
		{"the last chunk", chunked1("2\r\nhi\r\n"), "400"},
		{"the trailers", chunked1("2\r\nhi\r\n0\r\n"), "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, &Server{}, mirror)
			k := s.dial()
			k.Send(c.in)
			k.FIN()
			if got := k.All(); got != c.want {
				t.Errorf("answered %q, want %q", got, c.want)
			}
			s.idle()
		})
	}
}

// TestFINEverywhere: wherever the client's FIN comes, and whatever is left of the
// input then, half an empty line or half a trailer section, the connection ends
// without a timer's help.
func TestFINEverywhere(t *testing.T) {
	t.Parallel()
	const later = time.Millisecond
	handlers := map[string]Handler{
		"the body is read":  mirror,
		"it is discarded":   func(w Response, _ Request) { w.End("") },
		"it is read later":  func(w Response, r Request) { w.After(later, func() { mirror(w, r) }) },
		"the answer begins": func(w Response, r Request) { w.WriteString("a"); w.End("b") },
		"trailers are read": func(w Response, r Request) {
			r.Trailer(func(_, _ []byte) {})
			w.WriteString("a")
			w.After(later, func() { r.Pipe(w) })
		},
		"it is read slowly": func(w Response, r Request) {
			r.Stream(func(p []byte, last bool) {
				if w.Write(p); last {
					w.End("")
					return
				}
				w.Pause()
				w.After(later, w.Resume)
			})
		},
	}
	for name, wire := range map[string]string{
		"GETs":   "\r\n\r" + "\n" + get("/1") + "\r\n" + get("/2") + "\r\n\r\n",
		"POST":   post("/1", "abc") + "\r\n" + post("/2", "d") + "\r\n",
		"chunks": chunked1("2;a=b\r\nhi\r\n0\r\nA: 1\r\nB: 2\r\n\r\n") + "\r\n" + get("/2") + "\r\n",
		"Expect": request("POST", "/1", "Expect: 100-continue", "Content-Length: 3") + "abc\r\n",
	} {
		for how, h := range handlers {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				s := start(t, &Server{HeadTimeout: time.Hour, BodyTimeout: time.Hour, IdleTimeout: time.Hour}, h)
				for n := range len(wire) + 1 {
					c := s.dial()
					c.Send(wire[:n])
					c.FIN()
					if _, err := io.ReadAll(c); err != nil {
						t.Fatalf("FIN after %q: %v", wire[:n], err)
					}
					c.Close()
				}
			})
		}
	}
}

// TestEndBehindHeldBody: a body that waits is not cut off by the FIN after it,
// whatever lets it go on, and when.
func TestEndBehindHeldBody(t *testing.T) {
	t.Parallel()
	const size = 100 << 10
	for name, resume := range map[string]func(w Response, fn func()){
		"a timer": func(w Response, fn func()) { w.After(time.Millisecond, fn) },
		"a drain": func(w Response, fn func()) { w.OnDrain(fn) },
		"both":    func(w Response, fn func()) { w.After(time.Millisecond, func() { w.OnDrain(fn) }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, &Server{}, func(w Response, r Request) {
				n := 0
				resume(w, func() {
					r.Stream(func(p []byte, last bool) {
						if n += len(p); last {
							w.End(strings.Repeat("x", n))
							return
						}
						w.Pause()
						resume(w, w.Resume)
					})
				})
			})
			for range 10 {
				c := s.dial()
				go func() {
					io.WriteString(c, post("/", strings.Repeat("x", size))+chunks("/", "abc", "def"))
					c.FIN()
				}()
				c.Want("200 " + strings.Repeat("x", size))
				c.Want("200 xxxxxx")
				c.WantEnd()
			}
		})
	}
}

// TestLastAnswer is row 68: who sends more than it should, and that late, can
// still read the last answer.
func TestLastAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) { w.End(strings.Repeat("x", 1<<20)) })
	for _, in := range []string{post("/", "hi", "Connection: close"), get("/") + get("/", "Connection: close")} {
		for range 10 {
			before, began := s.Stats().Status[2], time.Now()
			c := s.dial()
			c.Send(in)
			until(t, "it is answered", func() bool { return s.Stats().Status[2] > before })
			s.do(func() {})
			io.WriteString(c, "\r\n")
			s.do(func() {})
			io.WriteString(c, "\r\n")
			a, err := c.Answer("GET")
			switch {
			case time.Since(began) > lingerTime: // the machine is slow, and the server does not wait any longer
			case err != nil || !strings.HasPrefix(a.String(), "200 xxx"):
				t.Errorf("answered %.20q, %v", a, err)
			}
			c.Close()
			s.idle()
		}
	}
}

// TestTimers: an exchange keeps the timers that run, not those that have run.
func TestTimers(t *testing.T) {
	t.Parallel()
	most, n := 0, 0
	s := start(t, &Server{}, func(w Response, r Request) {
		never := w.After(time.Hour, func() { t.Error("a timer fires that was ended with its exchange") })
		var next func()
		next = func() {
			if n++; n == 1000 {
				w.End("")
				return
			}
			w.After(0, next)
			most = max(most, len(w.s.x.timers))
		}
		next()
		if !w.After(time.Hour, func() {}).Stop() || !never.Reset(time.Hour) {
			t.Error("timers that do not run")
		}
	})
	c := s.dial()
	c.Send(get("/"))
	c.Want("200")
	s.do(func() {
		if most > 4 {
			t.Errorf("%d timers were kept, of an exchange that had 3 at a time", most)
		}
	})
}

// TestTimersResetAfterTheEnd: a timer never fires once its exchange is over, also if the
// program resets it then, and if the exchange had not kept it, because it had run before.
func TestTimersResetAfterTheEnd(t *testing.T) {
	t.Parallel()
	late := func() { t.Error("a timer fires after the end of its exchange") }
	for name, h := range map[string]func(w Response){
		"reset after End": func(w Response) {
			timer := w.After(time.Hour, late)
			w.End("")
			timer.Reset(0)
		},
		"reset in a callback, after End": func(w Response) {
			timer := w.After(time.Hour, late)
			w.After(0, func() {
				w.End("")
				timer.Reset(0)
			})
		},
		"reset when it has run, and End": func(w Response) {
			var timer *conn.Timer
			ran := false
			timer = w.After(0, func() {
				if ran {
					late()
					return
				}
				ran = true
				w.After(time.Hour, late)
				timer.Reset(0)
				w.End("")
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, &Server{}, func(w Response, r Request) { h(w) })
			c := s.dial()
			c.Send(get("/"))
			c.Want("200")
			passed := make(chan bool)
			s.do(func() { s.workers[0].loop.After(5*time.Millisecond, func() { close(passed) }) })
			wait(t, passed)
		})
	}
}

// TestAcrossConnections ends exchanges from within the callbacks of others.
func TestAcrossConnections(t *testing.T) {
	t.Parallel()
	var waiting []Response
	s := start(t, &Server{}, func(w Response, r Request) {
		if string(r.Path()) == "/wait" {
			waiting = append(waiting, w)
			w.OnAbort(func() {
				for _, other := range waiting {
					other.End("one has left")
				}
			})
			return
		}
		for i, other := range waiting {
			if i%2 == 0 {
				other.Abort() // whose OnAbort ends the rest
			}
		}
		w.End("")
	})
	var list []*client
	for i := range 10 {
		c := s.dial()
		c.Send(get("/wait") + get("/"))
		list = append(list, c)
		until(t, "it waits", func() bool {
			n := 0
			s.do(func() { n = len(waiting) })
			return n == i+1
		})
	}
	c := s.dial()
	c.Send(get("/"))
	c.Want("200")
	list[0].WantGone()
	for _, c := range list[1:] {
		c.Want("200 one has left")
		c.Want("200")
	}
}

// TestEndBeforeResume: when another connection lets the body go on, its FIN is
// seen before what waits of it is handed over.
func TestEndBeforeResume(t *testing.T) {
	t.Parallel()
	var other Response
	streaming, ended := make(chan bool), make(chan bool)
	s := start(t, &Server{}, func(w Response, r Request) {
		if string(r.Path()) == "/other" {
			other = w
			return
		}
		n := 0
		r.Stream(func(p []byte, last bool) {
			if n++; n == 1 {
				streaming <- true
				<-ended // so that it is there when the loop looks again
				w.Pause()
				other.OnDrain(w.Resume)
			}
			if w.Write(p); last {
				w.End("")
				other.End("")
			}
		})
	})
	a, b := s.dial(), s.dial()
	a.Send(get("/other"))
	until(t, "one waits", func() bool { return s.Stats().Requests == 1 })
	b.Send(chunks("/", "abc", "def", "ghi"))
	wait(t, streaming)
	b.FIN()
	close(ended)
	b.Want("200 abcdefghi")
	b.WantEnd()
	a.Want("200")
}

// TestFarewell: a client that has said that its request is the last gets the answer and
// the end, and nothing waits for its FIN. One that may be sending more has time to send
// it, so that no reset destroys the answer (RFC 9112 9.6).
func TestFarewell(t *testing.T) {
	t.Parallel()
	closing := func(w Response, r Request) {
		w.Set("Connection", "close")
		mirror(w, r)
	}
	for _, c := range []struct {
		name, request string
		h             Handler
		open          int // connections that are left once the client has seen the end
	}{
		{"close", get("/", "Connection: close"), mirror, 0},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", mirror, 0},
		{"close, and more", get("/", "Connection: close") + get("/"), mirror, 1},
		{"close, with a body", post("/", "body", "Connection: close"), mirror, 1},
		{"the server closes", get("/"), closing, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, &Server{Loops: 1}, c.h)
			inTime(t, func() string {
				k := s.dial()
				defer s.idle()
				defer k.Close()
				k.Send(c.request)
				if got := k.All(); !strings.HasPrefix(got, "200 ") {
					t.Fatalf("%q", got)
				}
				open := 0
				s.do(func() {
					for range s.workers[0].loop.Conns() {
						open++
					}
				})
				if open != c.open {
					return fmt.Sprintf("%d connections are left, not %d", open, c.open)
				}
				return ""
			})
		})
	}
}

// TestHalfAnEndlessAnswer: an answer of HTTP/1.0 that only the connection's end would end,
// and that is cut off in the callback that has written a part of it. The client gets that
// part, and sees that it is not all.
func TestHalfAnEndlessAnswer(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(s *session){
		"given up":   func(s *session) { s.happens(givenUp, nil) },
		"a bad body": func(s *session) { s.refuse(400, "on purpose", nil) },
	} {
		for _, kind := range []string{"plain", "TLS"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				s, addr := startTLS(t, &Server{}, func(w Response, r Request) {
					w.WriteString("half")
					cut(w.s)
				})
				var k *client
				if kind == "TLS" {
					k = mustDialTLS(t, addr, loopback.Example().Config())
				} else {
					k = s.dial()
				}
				k.Send("GET / HTTP/1.0\r\n\r\n")
				got, err := io.ReadAll(k.In)
				if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the end is %v", err)
				}
				if !strings.HasSuffix(string(got), "\r\n\r\nhalf") && runtime.GOOS != "windows" { // which drops at a reset what was not read
					t.Errorf("read %q before it", got)
				}
				s.idle()
			})
		}
	}
}
