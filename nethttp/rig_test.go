// What the tests share: a server on a port of its own, clients that speak raw
// bytes, and waiting without sleeping.

package nethttp

import (
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// What package loopback has, in short.
type caller = loopback.Peer

const patience = loopback.Patience

var (
	dial    = loopback.Dial
	until   = loopback.Until
	get     = loopback.Get
	post    = loopback.Post
	request = loopback.Request
	chunks  = loopback.Chunks
)

func wait[T any](t testing.TB, ch <-chan T) T { t.Helper(); return loopback.Wait(t, ch) }

// A rig is a server that runs until the test ends.
type rig struct {
	*server.Server
	loop  atomic.Pointer[conn.Loop] // the first one that a request came to
	t     testing.TB
	addr  net.Addr
	logs  *loopback.Log
	serve chan error
}

// start runs s with h on a port of its own, on one loop if s does not say.
func start(t testing.TB, s *server.Server, h server.Handler) *rig {
	t.Helper()
	return startOn(t, s, h, "tcp", "127.0.0.1:0")
}

func startOn(t testing.TB, s *server.Server, h server.Handler, network, addr string) *rig {
	t.Helper()
	if s.Loops == 0 {
		s.Loops = 1
	}
	r := &rig{Server: s, t: t, logs: new(loopback.Log), serve: make(chan error, 1)}
	if s.SlowCallback == 0 {
		s.SlowCallback = -1 // tests block loops, or the machine does
	}
	s.Handler = func(w server.Response, req server.Request) {
		if r.loop.Load() == nil {
			r.loop.Store(w.Loop())
		}
		h(w, req)
	}
	s.Log = slog.New(r.logs)
	var err error
	if r.addr, err = s.Listen(network, addr); err != nil {
		t.Fatal(err)
	}
	go func() { r.serve <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-r.serve; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if st := s.Stats(); st.Conns != 0 {
			t.Errorf("%d connections are left when the server has stopped", st.Conns)
		}
		r.logs.WantEmpty(t)
	})
	return r
}

// do runs fn on the loop of the first request, and waits for both.
func (r *rig) do(fn func()) {
	r.t.Helper()
	until(r.t, "a request has come", func() bool { return r.loop.Load() != nil })
	done := make(chan struct{})
	if err := r.loop.Load().Post(func() { defer close(done); fn() }); err != nil {
		r.t.Fatal(err)
	}
	wait(r.t, done)
}

// bytesIn returns how much the server has read. Stats are as of the loop's last turn,
// so it has to finish this one.
func (r *rig) bytesIn() uint64 {
	r.t.Helper()
	r.do(func() {})
	r.do(func() {})
	return r.Stats().BytesIn
}

// idle waits until no connection is left.
func (r *rig) idle() {
	r.t.Helper()
	until(r.t, "every connection is gone", func() bool { return r.Stats().Conns == 0 })
}

func (r *rig) dial() *caller {
	r.t.Helper()
	return dial(r.t, r.addr)
}
