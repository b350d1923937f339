// Handles: what they say when the exchange is over, completion later and from
// elsewhere, and word of clients that left.

package server

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// checkStale calls everything that a stale handle has.
func checkStale(t *testing.T, w Response, r Request) {
	t.Helper()
	_, errWrite := w.Write([]byte("x"))
	_, errString := w.WriteString("x")
	_, ErrHijack := w.Hijack(&conn.Handler{})
	for what, err := range map[string]error{
		"Status": w.Status(404), "Set": w.Set("A", "b"), "Add": w.Add("A", "b"), "Write": errWrite, "WriteString": errString,
		"End": w.End("x"), "EndBytes": w.EndBytes(nil), "Close": w.Close(), "Abort": w.Abort(), "Continue": w.Continue(),
		"SendFile": w.SendFile(file(t, "x"), 0, 1), "Hijack": ErrHijack,
		"Stream": r.Stream(func([]byte, bool) { t.Error("Stream calls") }),
		"Body":   r.Body(1, func([]byte) { t.Error("Body calls") }),
		"Pipe":   r.Pipe(w),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s says %v", what, err)
		}
	}
	w.Pause()
	w.Resume()
	w.OnAbort(func() { t.Error("OnAbort calls") })
	if timer := w.After(0, func() { t.Error("After calls") }); !w.Full() || timer.Running() || timer.Stop() {
		t.Error("a stale handle is not Full, so that a loop that writes goes on, or has timers")
	}
	if r.Method() != nil || r.Target() != nil || r.Path() != nil || r.Query() != nil || r.Host() != nil || r.Get("Host") != nil || r.Length() != 0 || r.RemoteAddr() != nil {
		t.Error("a stale request answers")
	}
	for range r.All() {
		t.Error("a stale request has fields")
	}
}

func TestStale(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w Response, c *client){
		"after End":             func(w Response, c *client) { w.End("") },
		"after Abort":           func(w Response, c *client) { w.Abort() },
		"after Hijack":          func(w Response, c *client) { k, _ := w.Hijack(nil); k.Close() },
		"after a short answer":  func(w Response, c *client) { w.Set("Content-Length", "3"); w.WriteString("x"); w.End("") },
		"after a long answer":   func(w Response, c *client) { w.Set("Content-Length", "3"); w.End("xxxx") },
		"after the client left": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type pair struct {
				w Response
				r Request
			}
			handles := make(chan pair, 1)
			s := start(t, &Server{}, func(w Response, r Request) { handles <- pair{w, r} })
			c := s.dial()
			c.Send(get("/"))
			h := wait(t, handles)
			if end == nil {
				c.Reset()
				s.idle()
			}
			s.do(func() {
				if end != nil {
					end(h.w, c)
				}
				checkStale(t, h.w, h.r)
			})
			s.do(func() {
				h.w.OnDrain(func() { t.Error("OnDrain calls: a loop that writes until Full would go on for ever") })
			})
			posted := make(chan bool, 1)
			if err := h.w.Post(func() { posted <- true }); err != nil {
				t.Error(err)
			}
			wait(t, posted)
			s.Close()
			if err := h.w.Post(func() {}); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Post when the server has stopped says %v", err)
			}
		})
	}
	t.Run("the zero value", func(t *testing.T) {
		checkStale(t, Response{}, Request{})
		Response{}.OnDrain(nil)
		if !errors.Is(Response{}.Post(nil), net.ErrClosed) {
			t.Error("Post of the zero value")
		}
	})
}

// TestStaleNext is a handle whose connection serves the next request already.
func TestStaleNext(t *testing.T) {
	t.Parallel()
	var first []Response
	s := start(t, &Server{}, func(w Response, r Request) {
		if first = append(first, w); len(first) == 2 {
			checkStale(t, first[0], Request(first[0]))
			if first[0] == w {
				t.Error("handles of two exchanges are equal")
			}
		}
		w.End(string(r.Path()))
	})
	c := s.dial()
	c.Send(get("/1") + get("/2"))
	c.Want("200 /1")
	c.Want("200 /2")
}

func TestRequest(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		var fields strings.Builder
		for name, value := range r.All() {
			fmt.Fprintf(&fields, "%s=%s;", name, value)
		}
		w.After(0, func() {
			if r.Method() != nil || r.Get("host") != nil {
				t.Error("a request answers when its handler has returned")
			}
			w.End("")
		})
		w.Set("Got", fmt.Sprintf("%s %s %s %s %s %s %s %d", r.Method(), r.Target(), r.Path(), r.Query(), r.Host(), r.Get("x-a"), fields.String(), r.Length()))
		if r.RemoteAddr() == nil || r.Get("none") != nil {
			t.Error("RemoteAddr, Get")
		}
	})
	c := s.dial()
	c.Send(request("PUT", "http://h/p?q", "X-A: 1", "X-A: 2", "Content-Length: 3") + "abc")
	if got, want := c.Want("200").Header.Get("Got"), "PUT http://h/p?q /p q h 1 Host=x;X-A=1;X-A=2;Content-Length=3; 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDeferred completes exchanges from timers, from goroutines, and from other
// connections, ahead of one another; pipelined ones in their order.
func TestDeferred(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{Loops: 3}, func(w Response, r Request) {
		target := string(r.Target())
		switch target[1] {
		case 't':
			w.After(time.Millisecond, func() { w.End(target) })
		case 'g':
			go w.Post(func() { w.End(target) })
		case 'n':
			w.After(0, func() { w.WriteString(target); w.After(0, func() { w.Close() }) })
		default:
			w.End(target)
		}
	})
	for range 8 {
		c := s.dial()
		var want []string
		for i := range 100 {
			target := fmt.Sprintf("/%c%d", "tgns"[i%4], i)
			want = append(want, "200 "+target)
			c.Send(get(target))
		}
		c.Send(last)
		if got := c.All(); got != strings.Join(append(want, "200 /last"), ", ") {
			t.Errorf("answered %q", got)
		}
	}
}

// TestHalfClosed is clients that send all they have to say and a FIN, and
// still read: also when the answers come late, and there are several.
func TestHalfClosed(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		target := string(r.Target())
		w.After(10*time.Millisecond, func() { w.End(target) })
	})
	c := s.dial()
	c.Send(get("/1") + get("/2") + post("/3", "body that nobody reads") + get("/4"))
	c.FIN()
	if got := c.All(); got != "200 /1, 200 /2, 200 /3, 200 /4" {
		t.Errorf("answered %q", got)
	}
	s.idle()
}

// TestOnAbort has the client leave, or be left, in each state: OnAbort is called
// exactly once.
func TestOnAbort(t *testing.T) {
	t.Parallel()
	body := request("POST", "/", "Content-Length: 100") + "abc"
	stream := func(w Response, r Request) { r.Stream(func(p []byte, last bool) {}) }
	for _, c := range []struct {
		name  string
		srv   *Server
		in    string
		h     Handler
		leave func(c *client)
		over  bool // the handle is, when OnAbort is called
	}{
		{"FIN while it is answered", &Server{}, get("/"), nil, (*client).FIN, false},
		{"close while it is answered", &Server{}, get("/"), nil, func(c *client) { c.Close() }, false},
		{"RST while it is answered", &Server{}, get("/"), nil, (*client).Reset, true},
		{"FIN in the body", &Server{}, body, stream, (*client).FIN, true},
		{"FIN in the body that nobody reads", &Server{}, request("POST", "/", "Content-Length: 2"), nil, (*client).FIN, true},
		{"RST in the body", &Server{}, body, stream, (*client).Reset, true},
		{"RST in the body that nobody reads", &Server{}, body, nil, (*client).Reset, true},
		{"a malformed body", &Server{}, chunked1("3\r\nabcX"), stream, func(*client) {}, true},
		{"a body past MaxBody", &Server{MaxBody: 3}, chunked1("5\r\nabcde\r\n"), stream, func(*client) {}, true},
		{"a body past Body's limit", &Server{}, body, func(w Response, r Request) { r.Body(10, nil) }, func(*client) {}, true},
		{"a body that is late", &Server{BodyTimeout: 20 * time.Millisecond}, body, stream, func(*client) {}, true},
		{"a length that is not held to", &Server{}, get("/"), func(w Response, r Request) { w.Set("Content-Length", "1"); w.End("") }, func(*client) {}, true},
		{"Abort", &Server{}, get("/"), func(w Response, r Request) { w.Abort() }, func(*client) {}, true},
		{"Close of the server", &Server{}, get("/"), nil, nil, true},
		{"two pipelined requests and a FIN", &Server{}, get("/next") + get("/"), nil, (*client).FIN, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name == "RST in the body that nobody reads" && !loopback.SeesResets(t) {
				t.Skip(loopback.UnseenReset)
			}
			begun, aborted := make(chan bool), make(chan bool, 10)
			s := start(t, c.srv, func(w Response, r Request) {
				if string(r.Path()) == "/next" {
					w.After(20*time.Millisecond, func() { w.End("") })
					begun <- true
					return
				}
				w.OnAbort(func() { aborted <- w.valid() })
				w.OnAbort(func() { aborted <- w.valid() })
				if c.h != nil {
					c.h(w, r)
				}
				if !strings.HasPrefix(c.in, get("/next")) {
					begun <- true
				}
			})
			k := s.dial()
			k.Send(c.in)
			wait(t, begun)
			if c.leave == nil {
				s.Close()
			} else {
				c.leave(k)
			}
			for range 2 {
				if valid := wait(t, aborted); valid == c.over {
					t.Errorf("when OnAbort is called the handle is valid: %v", valid)
				}
			}
			s.Close()
			if len(aborted) > 0 {
				t.Error("OnAbort is called twice")
			}
		})
	}
}

// TestOnAbortLate is OnAbort for a client whose FIN was seen before.
func TestOnAbortLate(t *testing.T) {
	t.Parallel()
	aborted := make(chan bool, 1)
	handle := make(chan Response, 1)
	s := start(t, &Server{}, func(w Response, r Request) { handle <- w })
	c := s.dial()
	c.Send(get("/"))
	w := wait(t, handle)
	c.FIN()
	until(t, "FIN is seen", func() (seen bool) {
		s.do(func() { seen = w.s.is(halfClosed) })
		return
	})
	s.do(func() { w.OnAbort(func() { aborted <- true }) })
	wait(t, aborted)
	s.do(func() { w.End("still") })
	c.Want("200 still")
	c.WantEnd()
}

// TestNoAbort: nobody is told that a client left whose answer was complete.
func TestNoAbort(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		w.OnAbort(func() { t.Error("OnAbort is called after End") })
		w.End("")
	})
	for _, leave := range []func(*client){(*client).FIN, (*client).Reset} {
		c := s.dial()
		c.Send(get("/"))
		c.Want("200")
		leave(c)
		s.idle()
	}
}

// TestVanished has clients leave in every state, and wants all of it back.
// It is not parallel: it counts descriptors.
func TestVanished(t *testing.T) {
	var hub Hub
	s := start(t, &Server{}, func(w Response, r Request) {
		switch string(r.Path()) {
		case "/hub":
			hub.Add(w)
		case "/stream":
			r.Stream(func([]byte, bool) {})
		case "/full":
			var more func()
			more = func() {
				for !w.Full() {
					if _, err := w.WriteString(strings.Repeat("x", 10000)); err != nil {
						return
					}
				}
				w.OnDrain(more)
			}
			more()
		}
		w.After(time.Hour, func() {})
		w.After(time.Hour, func() {})
		w.OnAbort(func() { w.End("") })
	})
	before := loopback.Descriptors(t)
	for round, leave := range []func(*client){(*client).Reset, func(c *client) { c.Close() }} {
		for _, in := range []string{"", "\r\n", "GET / HT", get("/hub"), get("/quiet"), get("/full"), get("/quiet") + get("/hub"),
			request("POST", "/quiet", "Content-Length: 10") + "abc", request("POST", "/stream", "Content-Length: 10") + "abc",
			request("POST", "/hub", "Content-Length: 10") + "abc", "A B C\r\n\r\n"} {
			if strings.HasSuffix(in, "abc") && !strings.Contains(in, "/stream") && !loopback.SeesResets(t) {
				t.Logf("without %.20q: %s", in, loopback.UnseenReset)
				continue
			}
			for range 10 {
				c := s.dial()
				c.Send(in)
				if round == 1 && strings.HasSuffix(in, "abc") && !strings.Contains(in, "/stream") {
					c.Reset() // input waits: only a reset is seen
					continue
				}
				leave(c)
			}
		}
	}
	s.idle()
	until(t, "the descriptors are closed", func() bool { return loopback.Descriptors(t) <= before })
	if n := hub.Len(); n != 0 {
		t.Errorf("%d answers are left in the hub", n)
	}
	s.do(func() {
		l := s.workers[0].loop
		l.Unref()
		l.Ref()
		if n := len(s.workers[0].spare); n > mostSpare {
			t.Errorf("%d exchanges are kept", n)
		}
	})
}
