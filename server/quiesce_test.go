// What a server says of its loops, and what it does about connections that speak
// no HTTP when it stops.

package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// TestOnLoop: it runs on each loop, before that serves anybody, and what it keeps
// there a handler finds by Response.Loop.
func TestOnLoop(t *testing.T) {
	t.Parallel()
	known := make(map[*conn.Loop]bool)
	ran := make(chan *conn.Loop, 3)
	s := start(t, &Server{Loops: 3, OnLoop: func(l *conn.Loop) {
		l.After(0, func() {}) // it may call into the loop
		ran <- l
	}}, func(w Response, r Request) {
		l := w.Loop()
		w.End("")
		if w.Loop() != l || l == nil {
			t.Errorf("on loop %p, and %p when it is over", l, w.Loop())
		}
	})
	for range 3 {
		known[wait(t, ran)] = true
	}
	if len(known) != 3 {
		t.Errorf("called for %d loops", len(known))
	}
	c := s.dial()
	c.Send(get("/"))
	c.Want("200")
	if (Response{}).Loop() != nil {
		t.Error("the zero Response is on a loop")
	}
}

// TestShutdownOthers: a connection that speaks no HTTP is told by its protocol's
// Quiesce; where that is missing it is closed after DrainTimeout, unless the
// program has said that it sees to that.
func TestShutdownOthers(t *testing.T) {
	t.Parallel()
	told := &conn.Handler{Quiesce: func(c *conn.Conn) { c.WriteString("bye"); c.Close() }}
	for _, x := range []struct {
		name string
		h    *conn.Handler
		own  bool // OnShutdown is set
		want string
	}{
		{"Quiesce", told, false, "bye"},
		{"none", &conn.Handler{}, false, ""},
		{"nil", nil, false, ""},
		{"Quiesce and OnShutdown", told, true, "bye"},
		{"OnShutdown", &conn.Handler{}, true, "by the program"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			srv := &Server{DrainTimeout: 20 * time.Millisecond}
			if x.own {
				srv.OnShutdown = func(l *conn.Loop) {
					l.After(50*time.Millisecond, func() {
						for c := range l.Conns() {
							c.WriteString("by the program")
							c.Close()
						}
					})
				}
			}
			s := start(t, srv, func(w Response, r Request) {
				if _, err := w.Loop().Dial("tcp", ln.Addr().String(), x.h); err != nil {
					t.Error(err)
				}
				w.Hijack(x.h)
			})
			c := s.dial()
			c.Send(get("/"))
			k, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			s.idle()
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			for _, k := range []net.Conn{c, k} {
				if b, err := io.ReadAll(k); string(b) != x.want || err != nil {
					t.Errorf("read %q, %v", b, err)
				}
			}
		})
	}
}

// TestShutdownLeavesTheOthersOfAnExchange: a connection that an exchange may be
// waiting for is not closed before that has ended.
func TestShutdownLeavesTheOthersOfAnExchange(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := start(t, &Server{DrainTimeout: 20 * time.Millisecond}, func(w Response, r Request) {
		up, err := w.Loop().Dial("tcp", ln.Addr().String(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		up.Pipe(w)
	})
	c := s.dial()
	c.Send(get("/"))
	k, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := s.shut(context.Background())
	passed := make(chan bool)
	s.workers[0].loop.Post(func() {
		s.workers[0].loop.After(100*time.Millisecond, func() { close(passed) })
	})
	wait(t, passed)
	io.WriteString(k, "late")
	k.Close()
	c.Want("200 late")
	if err := wait(t, done); err != nil {
		t.Error(err)
	}
}

// TestShutdownSilentHandshake: a client that has not shaken hands does not hold up
// a stop for longer than DrainTimeout, whether it said something or not.
func TestShutdownSilentHandshake(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"", "\x16\x03\x01\x02\x00\x01"} {
		s, addr := startTLS(t, &Server{DrainTimeout: 20 * time.Millisecond, HeadTimeout: time.Hour}, func(w Response, r Request) { w.End("") })
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, said)
		accepted := func() (n int) {
			s.do(func() {
				for range s.workers[0].loop.Conns() {
					n++
				}
			})
			return n
		}
		until(t, "it is accepted", func() bool { return accepted() == 1 })
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// TestShutdownHalfARequest: DrainTimeout holds for clients that send no more of a body,
// whoever takes it; one that goes on is answered.
func TestShutdownHalfARequest(t *testing.T) {
	t.Parallel()
	for name, half := range map[string]struct{ in, rest, want string }{
		"a head":                       {get("/")[:20], get("/")[20:], "200 ok"},
		"a body for Body":              {post("/body", "hello")[:len(post("/body", "hello"))-2], "lo", "200 hello"},
		"a chunked body":               {chunks("/body", "hello")[:len(chunks("/body", "hello"))-5], "0\r\n\r\n", "200 hello"},
		"a body that is taken late":    {post("/late", "hello")[:len(post("/late", "hello"))-2], "lo", "200 hello"},
		"a body that is discarded":     {post("/", "hello")[:len(post("/", "hello"))-2], "lo", "200 ok"},
		"a trailer section":            {chunks("/body", "hello")[:len(chunks("/body", "hello"))-2] + "A: ", "b\r\n\r\n", "200 hello"},
		"a body, and its answer began": {post("/early", "hello")[:len(post("/early", "hello"))-2], "lo", "200 early hello"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for goesOn, d := range map[bool]time.Duration{true: patience / 2, false: 100 * time.Millisecond} {
				s := start(t, &Server{Loops: 1, HeadTimeout: time.Hour, BodyTimeout: time.Hour, DrainTimeout: d}, func(w Response, r Request) {
					body := func() { r.Body(100, func(p []byte) { w.End(string(p)) }) }
					switch string(r.Path()) {
					case "/body":
						body()
					case "/early":
						w.WriteString("early ")
						body()
					case "/late":
						w.After(10*time.Millisecond, body)
					default:
						w.End("ok")
					}
				})
				c := s.dial()
				c.Send(half.in)
				until(t, "it is read", func() bool { return s.Stats().BytesIn == uint64(len(half.in)) })
				done := s.shut(context.Background())
				if goesOn {
					c.Send(half.rest)
					c.Want(half.want)
					c.Close()
				}
				if err := wait(t, done); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestShutdownEmptyLines: a client that goes on sending empty lines, which begin no
// request, does not hold up a stop.
func TestShutdownEmptyLines(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", get("/")} {
		s := start(t, &Server{DrainTimeout: 50 * time.Millisecond}, mirror)
		c := s.dial()
		if c.Send(before); before != "" {
			c.Want("200 GET /")
		}
		s.do(func() {}) // it serves
		done := s.shut(context.Background())
		for len(done) == 0 {
			if _, err := io.WriteString(c, "\r\n"); err != nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if err := wait(t, done); err != nil {
			t.Error(err)
		}
	}
}

// TestIdleEmptyLines: a client that goes on sending empty lines after its request does not
// stay longer than IdleTimeout allows. Where a busy machine has the server read many of them
// at once, they are refused: so it is asked until they are not.
func TestIdleEmptyLines(t *testing.T) {
	t.Parallel()
	for _, lines := range []string{"\r\n", "\r\n\r\n", "\n\r"} {
		until(t, "it is IdleTimeout that ends the connection", func() bool { return idlesWith(t, lines) == Limits{IdleTimeout: 1} })
	}
}

// idlesWith sends empty lines until the server ends the connection, and returns why it has.
func idlesWith(t *testing.T, lines string) Limits {
	s := start(t, &Server{IdleTimeout: 100 * time.Millisecond}, mirror)
	c := s.dial()
	c.Send(get("/"))
	c.Want("200 GET /")
	if lines == "\n\r" {
		c.Say("\r") // each piece ends one line and begins another
	}
	gone := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, c)
		gone <- err
	}()
	until(t, "the connection ends", func() bool {
		c.Say(lines)
		time.Sleep(5 * time.Millisecond) // the rate of the client, not a wait
		return len(gone) > 0
	})
	c.Close()
	s.idle()
	return s.Stats().Limits
}

// TestShutdownUntaken: a client that takes nothing of its answer does not hold up a stop for as
// long as WriteTimeout allows; one that reads gets all of it.
func TestShutdownUntaken(t *testing.T) {
	t.Parallel()
	if !slices.Contains([]string{"linux", "darwin", "freebsd", "netbsd"}, runtime.GOOS) {
		t.Skip("this system does not tell how much of the output the peer has taken")
	}
	const size = 16 << 20 // more than a kernel takes for a client that does not read
	whole := make([]byte, size)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	for way, answer := range map[string]func(w Response){
		"End": func(w Response) { w.EndBytes(whole) },
		"file": func(w Response) {
			f, err := os.Open(name)
			if err != nil {
				t.Error(err)
			}
			w.SendFile(f, 0, size)
			w.End("")
		},
		"parts": func(w Response) {
			w.Set("Content-Length", strconv.Itoa(size))
			left := size
			var more func()
			more = func() {
				for ; left > 0 && !w.Full(); left -= 16 << 10 {
					w.Write(whole[:16<<10])
				}
				if left > 0 {
					w.OnDrain(more)
				} else {
					w.End("")
				}
			}
			more()
		},
		"hijacked": func(w Response) {
			c, err := w.Hijack(new(conn.Handler))
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
			c.Write(whole)
			c.Close()
		},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := start(t, &Server{Loops: 1, WriteTimeout: time.Hour, DrainTimeout: 20 * time.Millisecond}, func(w Response, r Request) { answer(w) })
			reads, silent := s.dial(), s.dial()
			for n, c := range []*loopback.Peer{reads, silent} {
				c.Send("GET / HTTP/1.0\r\n\r\n")
				until(t, "the answer is stuck", func() bool {
					stuck := make(chan int, 1)
					s.workers[0].loop.Post(func() {
						n := 0
						for c := range s.workers[0].loop.Conns() {
							if c.Undelivered() > 0 {
								n++
							}
						}
						stuck <- n
					})
					return wait(t, stuck) == n+1
				})
			}
			done := s.shut(context.Background())
			res, err := http.ReadResponse(bufio.NewReader(reads), nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil {
				t.Errorf("who reads got %d bytes of %d: %v", n, size, err)
			}
			reads.Close()
			if err := wait(t, done); err != nil {
				t.Error(err)
			}
		})
	}
}
