// How a server starts and stops.

package server

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/poller"
)

// shut begins a Shutdown, and waits until the loops know.
func (r *rig) shut(ctx context.Context) <-chan error {
	r.t.Helper()
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(ctx) }()
	until(r.t, "the loops know", func() bool {
		for _, w := range r.workers {
			knows := make(chan bool, 1)
			if w.loop.Post(func() { knows <- w.quiescing }) == nil && !wait(r.t, knows) {
				return false
			}
		}
		return true
	})
	return done
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	for _, loops := range []int{1, 3} {
		handles := make(chan Response, 10)
		s := start(t, &Server{Loops: loops, HeadTimeout: -1, IdleTimeout: -1, DrainTimeout: time.Hour}, func(w Response, r Request) {
			if string(r.Path()) == "/wait" {
				handles <- w
				return
			}
			r.Body(100, func(p []byte) { w.End(string(p)) })
		})
		idle, busy, half, streaming, uploading, fresh := s.dial(), s.dial(), s.dial(), s.dial(), s.dial(), s.dial()
		idle.Send(get("/"))
		idle.Want("200")
		busy.Send(get("/wait") + get("/")) // and a second request after
		w := wait(t, handles)
		streaming.Send(get("/wait"))
		sw := wait(t, handles)
		streamed := make(chan bool)
		sw.Post(func() { sw.WriteString("a"); close(streamed) })
		wait(t, streamed)
		uploading.Send(post("/", "hello")[:len(post("/", "hello"))-2])
		half.Send(get("/")[:10])
		until(t, "all are accepted", func() bool { return s.Stats().Conns == 6 })
		for _, w := range s.workers { // what was sent has been read
			for range 2 {
				read := make(chan bool)
				w.loop.Post(func() { close(read) })
				wait(t, read)
			}
		}
		done := s.shut(context.Background())
		if _, err := net.Dial("tcp", s.addr.String()); err == nil {
			t.Error("the server still listens")
		}
		half.Send(get("/")[10:])
		if a := half.Want("200"); !a.Close {
			t.Error("the answer does not say that the connection closes")
		}
		half.WantEnd()
		for _, c := range []*client{idle, fresh} {
			c.Send(get("/")) // that of the idle one may have been on its way
			if a := c.Want("200"); !a.Close {
				t.Error("the answer does not say that the connection closes")
			}
			c.WantEnd()
		}
		uploading.Send("lo")
		uploading.Want("200 hello")
		uploading.WantEnd()
		if len(done) > 0 {
			t.Fatal("Shutdown does not wait")
		}
		w.Post(func() { w.End("late") })
		if a := busy.Want("200 late"); !a.Close {
			t.Error("the answer does not say that the connection closes")
		}
		busy.WantEnd() // the second request was not accepted
		busy.Close()
		sw.Post(func() { sw.End("b") })
		streaming.Want("200 ab")
		until(t, "DrainTimeout has passed", func() bool { s.advance(2 * time.Hour); return len(done) > 0 })
		streaming.WantEnd()
		if err := wait(t, done); err != nil {
			t.Error(err)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("again: %v", err)
		}
		if err := s.Serve(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve afterwards says %v", err)
		}
	}
}

// TestShutdownQueue: who connected before is served, also if nobody had
// accepted the connection yet; who connected and says nothing does not hold it up.
func TestShutdownQueue(t *testing.T) {
	t.Parallel()
	for _, loops := range []int{1, 3} {
		s := start(t, &Server{Loops: loops, HeadTimeout: -1, IdleTimeout: -1, DrainTimeout: time.Hour}, func(w Response, r Request) { w.End("") })
		release, held := make(chan bool), make(chan bool)
		s.workers[0].loop.Post(func() { close(held); <-release }) // the loop accepts nobody
		wait(t, held)
		var list []*client
		for range 10 {
			c := s.dial()
			c.Send(get("/"))
			list = append(list, c)
		}
		silent := s.dial()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(context.Background()) }()
		until(t, "Shutdown has begun", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.state == stopping
		})
		close(release)
		for _, c := range list {
			c.Want("200")
		}
		until(t, "DrainTimeout has passed", func() bool { s.advance(2 * time.Hour); return len(done) > 0 })
		for _, c := range append(list, silent) {
			c.WantEnd()
		}
		if err := wait(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestShutdownExpires(t *testing.T) {
	t.Parallel()
	aborted := make(chan bool, 2)
	s := start(t, &Server{}, func(w Response, r Request) { w.OnAbort(func() { aborted <- true }) })
	c := s.dial()
	c.Send(get("/"))
	until(t, "it is being answered", func() bool { return s.Stats().Requests == 1 })
	ctx, cancel := context.WithCancel(context.Background())
	done := s.shut(ctx)
	cancel()
	if err := wait(t, done); err != context.Canceled {
		t.Errorf("Shutdown says %v", err)
	}
	wait(t, aborted)
	c.WantGone()
}

func TestClose(t *testing.T) {
	t.Parallel()
	aborted := make(chan bool, 10)
	s := start(t, &Server{Loops: 2}, func(w Response, r Request) {
		w.OnAbort(func() { aborted <- true })
		w.After(time.Hour, func() {})
	})
	for range 4 {
		c := s.dial()
		c.Send(get("/"))
		defer c.WantGone()
	}
	until(t, "they are being answered", func() bool { return s.Stats().Requests == 4 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if len(aborted) != 4 {
		t.Errorf("OnAbort was called %d times", len(aborted))
	}
	if err := s.Close(); err != nil {
		t.Errorf("again: %v", err)
	}
	if _, err := s.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("Listen after Close")
	}
}

// TestNeverServed: what a server holds that was never run is given back. It is
// not parallel: it counts descriptors.
func TestNeverServed(t *testing.T) {
	before := loopback.Descriptors(t)
	for what, err := range map[string]error{
		"ListenAndServe": ListenAndServe("127.0.0.1:99999", mirror),
		"ListenTCP":      ListenTCP("nowhere:http:1", func(*conn.Conn) {}),
		"no handler":     ListenAndServe("127.0.0.1:0", nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	s := &Server{Handler: mirror, Poller: "nonesuch"}
	for range 2 {
		if _, err := s.Listen("tcp", "127.0.0.1:0"); err == nil {
			t.Error("a poller that does not exist")
		}
	}
	if err := s.Serve(); err == nil {
		t.Error("Serve before Listen")
	}
	for _, stop := range []func(*Server) error{
		(*Server).Close,
		func(s *Server) error { return s.Shutdown(context.Background()) },
	} {
		s := &Server{Handler: mirror, Loops: 3}
		if _, err := s.Listen("nonesuch", "127.0.0.1:0"); err == nil {
			t.Error("a network that does not exist")
		}
		addr, err := s.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Listen("tcp", addr.String()); err == nil {
			t.Error("an address that is taken")
		}
		if err := stop(s); err != nil {
			t.Error(err)
		}
		if err := stop(s); err != nil {
			t.Error(err)
		}
		if err := s.Serve(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve says %v", err)
		}
	}
	new(Server).Close()
	new(Server).Shutdown(context.Background())
	runtime.GC()
	until(t, "the descriptors are closed", func() bool { return loopback.Descriptors(t) <= before })
}

// TestListeners is several of them on each poller, for HTTP and for another
// protocol.
func TestListeners(t *testing.T) {
	loopback.NeedUnix(t)
	t.Parallel()
	for _, name := range poller.Names() {
		for _, loops := range []int{1, 3} {
			s := &Server{Poller: name, Loops: loops, Handler: mirror, SlowCallback: -1}
			tcp, err := s.ListenConn("tcp", "127.0.0.1:0", &conn.Handler{Open: func(c *conn.Conn) { c.WriteString("hi "); c.Pipe(c) }})
			if err != nil {
				t.Fatal(err)
			}
			unix, err := s.Listen("unix", filepath.Join(loopback.TempDir(t), "s"))
			if err != nil {
				t.Fatal(err)
			}
			r := start(t, s, mirror)
			for range 4 {
				for _, addr := range []net.Addr{r.addr, unix} {
					c := dial(t, addr)
					big := strings.Repeat("x", 500<<10)
					go io.WriteString(c, post("/", big)+last)
					if got := c.All(); got != went("200 POST / "+big) {
						t.Errorf("%s, %v: answered %.100q", name, addr, got)
					}
				}
				c := dial(t, tcp)
				c.Send("ho")
				c.FIN()
				if all, err := io.ReadAll(c.In); string(all) != "hi ho" {
					t.Errorf("%s: read %q, %v", name, all, err)
				}
			}
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			if _, err := net.Dial("unix", unix.String()); err == nil {
				t.Error("the socket's file is left")
			}
		}
	}
}
