// Listeners from outside, ports that are shared, and what a server that stops
// does with connections on which a request may be on its way.

package server

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// TestInherit has one server take over from another while clients come.
func TestInherit(t *testing.T) {
	needFiles(t)
	t.Parallel()
	dir, err := os.MkdirTemp("", "s") // t.TempDir's name may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	old := &Server{Loops: 2, SlowCallback: -1, Handler: func(w Response, r Request) { w.End("old") }}
	if _, err := old.Listen("unix", path); err != nil {
		t.Fatal(err)
	}
	if _, err := old.ListenConn("tcp", "127.0.0.1:0", &conn.Handler{Open: func(c *conn.Conn) { c.WriteString("old"); c.CloseWrite() }}); err != nil {
		t.Fatal(err)
	}
	unserved, err := old.Files()
	if err != nil || len(unserved) != 2 {
		t.Fatal(unserved, err)
	}
	for _, f := range unserved {
		f.Close()
	}
	first := start(t, old, old.Handler)
	c := first.dial()
	c.Send(get("/"))
	c.Want("200 old")
	lns := listeners(t, old)
	if len(lns) != 3 {
		t.Fatal(lns)
	}
	fresh := first.dial() // who serves it is the kernel's choice: both do
	done := first.shut(context.Background())
	waiting := first.dial() // nobody accepts
	waiting.Send(get("/"))

	next := &Server{Loops: 2, SlowCallback: -1, Handler: func(w Response, r Request) { w.End("new") }}
	if err := next.Inherit(lns[0]); err != nil {
		t.Fatal(err)
	}
	if err := next.InheritConn(lns[1], &conn.Handler{Open: func(c *conn.Conn) { c.WriteString("new"); c.CloseWrite() }}); err != nil {
		t.Fatal(err)
	}
	if err := next.Inherit(lns[2]); err != nil {
		t.Fatal(err)
	}
	if err := lns[0].Close(); err == nil {
		t.Error("the listener was not closed")
	}
	start(t, next, next.Handler)
	waiting.Want("200 new")
	fresh.Send(get("/"))
	fresh.Want("200 old")
	fresh.WantEnd()
	k := dial(t, &net.UnixAddr{Name: path, Net: "unix"})
	k.Send(get("/"))
	k.Want("200 new")
	if err := wait(t, done); err != nil {
		t.Error(err)
	}
	if _, err := old.Files(); err != net.ErrClosed {
		t.Errorf("Files of a server that has stopped: %v", err)
	}
	if err := next.Inherit(lns[0]); err == nil {
		t.Error("Inherit after Serve")
	}
	if err := new(Server).Inherit(lns[0]); err == nil {
		t.Error("Inherit without a handler")
	}
}

// listeners returns listeners on the sockets of s, as another process would have them.
func listeners(t *testing.T, s *Server) (lns []net.Listener) {
	t.Helper()
	files, err := s.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		ln, err := net.FileListener(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		lns = append(lns, ln)
	}
	return lns
}

func TestReusePort(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" && runtime.GOOS != "freebsd" {
		t.Skip("SO_REUSEPORT is another thing here")
	}
	a := start(t, &Server{ReusePort: true}, func(w Response, r Request) { w.End("a") })
	b := startOn(t, &Server{ReusePort: true}, func(w Response, r Request) { w.End("b") }, "tcp", a.addr.String())
	if _, err := new(Server).ListenConn("tcp", a.addr.String(), nil); err == nil {
		t.Error("without ReusePort the port can be had too")
	}
	until(t, "both were asked", func() bool {
		c := a.dial()
		c.Send(last)
		c.All()
		c.Close()
		return a.Stats().Requests > 0 && b.Stats().Requests > 0
	})
}

// TestQuiesceIdle: when the server stops, a request that was on its way is answered,
// also on a connection that was idle, or whose answer's head had not said that
// the connection closes; one on which nothing comes is closed in time.
func TestQuiesceIdle(t *testing.T) {
	t.Parallel()
	handles := make(chan Response, 1)
	s := start(t, &Server{Loops: 2, DrainTimeout: time.Hour, IdleTimeout: time.Hour}, func(w Response, r Request) {
		if string(r.Path()) == "/wait" {
			w.Write([]byte("begun "))
			handles <- w
			return
		}
		w.End("")
	})
	idle, streaming := s.dial(), s.dial()
	for range 3 {
		idle.Send(get("/"))
		idle.Want("200")
	}
	streaming.Send(get("/wait"))
	w := wait(t, handles)
	done := s.shut(context.Background())
	w.Post(func() { w.End("and ended") })
	if a := streaming.Want("200 begun and ended"); a.Close {
		t.Error("an answer that had begun says that the connection closes")
	}
	for _, c := range []*client{streaming, idle} {
		c.Send(get("/"))
		if a := c.Want("200"); !a.Close {
			t.Error("the last answer does not say that the connection closes")
		}
		c.WantEnd()
	}
	if err := wait(t, done); err != nil {
		t.Error(err)
	}

	for _, stopping := range []*Server{
		{DrainTimeout: time.Millisecond, IdleTimeout: time.Hour, HeadTimeout: time.Hour},
		{DrainTimeout: 10 * time.Hour, IdleTimeout: time.Hour, HeadTimeout: time.Hour},
		{DrainTimeout: -1, IdleTimeout: time.Hour, HeadTimeout: time.Hour},
	} {
		s = start(t, stopping, mirror)
		idle, fresh := s.dial(), s.dial()
		idle.Send(get("/"))
		idle.Want("200 GET /")
		until(t, "both are accepted", func() bool { return s.Stats().Accepted == 2 })
		done := s.shut(context.Background())
		if stopping.DrainTimeout != time.Millisecond {
			s.advance(2 * time.Hour)
		}
		if err := wait(t, done); err != nil {
			t.Error(err)
		}
		idle.WantEnd()
		fresh.WantEnd()
	}
}

// TestHubBacklog: a client that does not read what a Hub sends is aborted, the
// others get all of it.
func TestHubBacklog(t *testing.T) {
	t.Parallel()
	hub := Hub{MaxBacklog: 256 << 10}
	s := start(t, &Server{Loops: 2}, func(w Response, r Request) { hub.Add(w) })
	const readers = 4
	slow := s.dial()
	slow.Send(get("/"))
	until(t, "it waits", func() bool { return hub.Len() == 1 })
	var total [readers]chan int
	for i := range total {
		c := s.dial()
		c.Send(get("/"))
		total[i] = make(chan int)
		go func() {
			a, err := c.Answer("GET")
			if err != nil {
				t.Error(err)
			}
			total[i] <- len(a.Text)
		}()
	}
	until(t, "all wait", func() bool { return hub.Len() == readers+1 })
	message := loopback.Pattern(64 << 10)
	sent := 0
	for hub.Len() > readers {
		if sent > 64<<20 {
			t.Fatal("a reader who takes nothing is still there")
		}
		hub.Send(message)
		sent += len(message)
		var most int
		until(t, "those who read have read", func() bool {
			most = 0
			for _, w := range s.workers {
				s.doOn(w, func() {
					for c := range w.loop.Conns() {
						if c.Pending() > 0 && c.RemoteAddr().String() != slow.LocalAddr().String() {
							most = max(most, c.Pending())
						}
					}
				})
			}
			return most == 0
		})
	}
	hub.End(nil)
	for i := range total {
		if n := wait(t, total[i]); n != sent {
			t.Errorf("a reader got %d bytes of %d", n, sent)
		}
	}
	s.stats("it is counted", func(st Stats) bool { return st.Limits == Limits{MaxBacklog: 1} && st.Aborted == 1 })
	slow.WantGone()
}

// TestHubSlow: in place of being aborted, a slow answer gets a last word, and no
// message any more.
func TestHubSlow(t *testing.T) {
	t.Parallel()
	hub := Hub{MaxBacklog: 256 << 10}
	hub.Slow = func(w Response) {
		hub.Remove(w)
		w.End("too slow")
	}
	s := start(t, &Server{Loops: 1}, func(w Response, r Request) { hub.Add(w) })
	slow := s.dial()
	slow.Send(get("/"))
	until(t, "it waits", func() bool { return hub.Len() == 1 })
	sent := 0
	for message := loopback.Pattern(64 << 10); hub.Len() > 0; sent += len(message) {
		if sent > 64<<20 {
			t.Fatal("a reader who takes nothing is still there")
		}
		hub.Send(message)
		s.doOn(s.workers[0], func() {}) // dealt out
	}
	a, err := slow.Answer("GET")
	if err != nil || a.Text[max(0, len(a.Text)-8):] != "too slow" || len(a.Text) >= sent+len("too slow") {
		t.Errorf("%d bytes of %d and %v", len(a.Text), sent, err)
	}
	s.stats("it is counted", func(st Stats) bool { return st.Limits == Limits{MaxBacklog: 1} && st.Aborted == 0 })
}

// TestFilesAndStats: handlers may ask for the Stats while Files waits for their
// loop.
func TestFilesAndStats(t *testing.T) {
	needFiles(t)
	t.Parallel()
	s := start(t, &Server{Loops: 1}, mirror)
	done := make(chan error, 1)
	go func() {
		for range 3000 {
			files, err := s.Files()
			if err != nil {
				done <- err
				return
			}
			for _, f := range files {
				f.Close()
			}
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
			s.do(func() { s.Stats() })
		}
	}
}
