//go:build unix

package servertest_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/servertest"
)

func hello(w server.Response, r server.Request) {
	w.Set("Content-Type", "text/plain")
	w.End("Hello " + string(r.Query()) + "\n")
}

func TestDo(t *testing.T) {
	t.Parallel()
	x := servertest.Do(hello, "GET", "/?World", "")
	if x.Status != 200 || string(x.Body) != "Hello World\n" || x.Get("content-type") != "text/plain" || !x.Ended || x.Aborted || x.Hijacked {
		t.Errorf("%+v", x)
	}
	x = servertest.Do(func(w server.Response, r server.Request) { r.Pipe(w) }, "POST", "/", strings.Repeat("there and back ", 100_000))
	if len(x.Body) != 15*100_000 || !x.Ended {
		t.Errorf("%d bytes, ended %v, %v", len(x.Body), x.Ended, x.Err())
	}
	x = servertest.Do(hello, "GET", "/", "", "Content-Length: nonsense")
	if x.Status != 400 || x.Get("Connection") != "close" {
		t.Errorf("%+v", x)
	}
	x = servertest.Do(func(w server.Response, r server.Request) { w.WriteString("half"); w.Abort() }, "GET", "/", "")
	if x.Ended || !x.Aborted {
		t.Errorf("%+v", x)
	}
	x = servertest.Do(func(w server.Response, r server.Request) {
		w.Inform(103)
		w.Trailer("Sum", "42")
		w.WriteString("body")
		w.End("")
	}, "GET", "/", "", "TE: trailers")
	if fmt.Sprint(x.Interim) != "[103]" || x.Trailer("Sum") != "42" || string(x.Body) != "body" {
		t.Errorf("%+v", x)
	}
	x = servertest.Do(hello, "HEAD", "/", "")
	if x.Status != 200 || len(x.Body) != 0 || !x.Ended || x.Get("Content-Length") != "7" {
		t.Errorf("%+v", x)
	}
}

// An hour passes in no time, and what is due meanwhile happens in its order.
func TestAdvance(t *testing.T) {
	t.Parallel()
	var order []string
	var asked []time.Time
	s := servertest.New(&server.Server{Handler: func(w server.Response, r server.Request) {
		name := string(r.Path())
		asked = append(asked, w.Loop().Now())
		w.After(time.Hour, func() { order = append(order, name); w.End(name) })
		w.After(time.Minute, func() { order = append(order, name+" waits") })
	}})
	defer s.Close()
	a := s.Do("GET", "/a", "")
	s.Advance(30 * time.Minute)
	b := s.Do("GET", "/b", "")
	if a.Ended || a.Status != 0 {
		t.Errorf("%+v", a)
	}
	s.Advance(30 * time.Minute)
	if !a.Ended || b.Ended || string(a.Body) != "/a" {
		t.Errorf("%+v\n%+v", a, b)
	}
	s.Advance(30 * time.Minute)
	if d := asked[1].Sub(asked[0]); d < 30*time.Minute || d > 31*time.Minute {
		t.Errorf("Loop.Now has moved by %v", d)
	}
	if got := strings.Join(order, ", "); !b.Ended || got != "/a waits, /b waits, /a, /b" {
		t.Errorf("%+v: %s", b, got)
	}
}

// The server's own times are those of the same clock.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	s := servertest.New(&server.Server{Handler: hello, HeadTimeout: 10 * time.Second})
	defer s.Close()
	p, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	p.Send("GET / HTTP/1.1\r\nHost: a\r\n")
	s.Advance(9 * time.Second)
	p.Send("X: y\r\n")
	if len(p.Received) > 0 || p.Closed {
		t.Errorf("%q before its time", p.Received)
	}
	s.Advance(2 * time.Second)
	p.Send("")
	if !strings.HasPrefix(string(p.Received), "HTTP/1.1 408 ") {
		t.Errorf("%q", p.Received)
	}
	p.Close()
}

func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	var cause error
	s := servertest.New(&server.Server{Handler: func(w server.Response, r server.Request) { w.OnAbort(func(err error) { cause = err }) }})
	defer s.Close()
	x := s.Do("GET", "/", "")
	x.Peer().Close()
	if cause == nil {
		t.Error("the handler was not told")
	}
}

func TestGoroutinesComeBackByPost(t *testing.T) {
	t.Parallel()
	s := servertest.New(&server.Server{Handler: func(w server.Response, r server.Request) {
		go w.Post(func() { w.End("later") })
	}})
	defer s.Close()
	if x := s.Do("GET", "/", ""); !x.Wait(10*time.Second) || string(x.Body) != "later" {
		t.Errorf("%+v", x)
	}
}

func TestHijack(t *testing.T) {
	t.Parallel()
	s := servertest.New(&server.Server{Handler: func(w server.Response, r server.Request) {
		w.Status(101)
		w.Set("Upgrade", "echo")
		w.Set("Connection", "upgrade")
		w.Hijack(&conn.Handler{Data: func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) }})
	}})
	defer s.Close()
	x := s.Do("GET", "/", "", "Connection: upgrade", "Upgrade: echo")
	n := len(x.Peer().Received)
	x.Peer().Send("ping")
	if x.Status != 101 || !x.Hijacked || string(x.Peer().Received[n:]) != "ping" {
		t.Errorf("%+v: %q", x, x.Peer().Received)
	}
}

// A protocol of package conn: an echo that closes after a minute of silence.
func TestPeer(t *testing.T) {
	t.Parallel()
	var why error
	p, err := servertest.NewPeer(&conn.Handler{
		Open:  func(c *conn.Conn) { c.SetTimeout(time.Minute) },
		Data:  func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) },
		Close: func(c *conn.Conn, err error) { why = err },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Send("one")
	p.Advance(50 * time.Second)
	p.Send("two")
	p.Advance(50 * time.Second)
	if string(p.Received) != "onetwo" || p.Closed {
		t.Errorf("%q, closed %v", p.Received, p.Closed)
	}
	p.Advance(20 * time.Second)
	if !p.Closed || why == nil {
		t.Errorf("closed %v, %v", p.Closed, why)
	}
	if errors.Is(why, io.EOF) {
		t.Error(why)
	}
}

func ExampleDo() {
	h := func(w server.Response, r server.Request) { w.End("Hello World\n") }
	x := servertest.Do(h, "GET", "/hello", "")
	fmt.Printf("%d %s", x.Status, x.Body)
	// Output: 200 Hello World
}

func ExampleServer_Advance() {
	s := servertest.New(&server.Server{Handler: func(w server.Response, r server.Request) {
		w.After(2*time.Second, func() { w.End("at last\n") })
	}})
	defer s.Close()
	x := s.Do("GET", "/", "")
	fmt.Println(x.Ended)
	s.Advance(2 * time.Second)
	fmt.Println(x.Ended)
	// Output:
	// false
	// true
}

func BenchmarkDo(b *testing.B) {
	for b.Loop() {
		if x := servertest.Do(hello, "GET", "/", ""); x.Status != 200 {
			b.Fatal(x)
		}
	}
}
