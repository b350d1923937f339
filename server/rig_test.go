// What the tests share: a server on a port of its own, clients that speak raw
// bytes, and waiting without sleeping.

package server

import (
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/hand"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// What package loopback has, in short.
type client = loopback.Peer

const patience = loopback.Patience

func TestMain(m *testing.M) { loopback.Main(m) }

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
	*Server
	t     testing.TB
	addr  net.Addr
	logs  *loopback.Log
	serve chan error
}

// start runs s with h on a port of its own, on one loop if s does not say.
func start(t testing.TB, s *Server, h Handler) *rig {
	t.Helper()
	return startOn(t, s, h, "tcp", "127.0.0.1:0")
}

func startOn(t testing.TB, s *Server, h Handler, network, addr string) *rig {
	t.Helper()
	if s.Loops == 0 {
		s.Loops = 1
	}
	r := &rig{Server: s, t: t, logs: newLog(), serve: make(chan error, 1)}
	if s.SlowCallback == 0 {
		s.SlowCallback = -1 // tests block loops, or the machine does
	}
	s.Handler = h
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

// do runs fn on the server's first loop and waits for it.
func (r *rig) do(fn func()) {
	r.t.Helper()
	r.doOn(r.workers[0], fn)
}

func (r *rig) doOn(w *worker, fn func()) {
	r.t.Helper()
	done := make(chan struct{})
	if err := w.loop.Post(func() { defer close(done); fn() }); err != nil {
		r.t.Fatal(err)
	}
	wait(r.t, done)
}

// advance moves the clock of each loop that has not stopped: no machine is so busy that
// a time limit of an hour is over before that.
func (r *rig) advance(d time.Duration) {
	r.t.Helper()
	for _, w := range r.workers {
		moved := make(chan bool)
		if w.loop.Post(func() { hand.Advance(w.loop, d); close(moved) }) == nil {
			wait(r.t, moved)
		}
	}
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

// newLog returns a log that keeps apart what many tests cause.
func newLog() *loopback.Log {
	return &loopback.Log{Aside: func(message string) bool {
		return strings.Contains(message, "a mistake of the program") || strings.Contains(message, "TLS handshake failed")
	}}
}

func (r *rig) dial() *client {
	r.t.Helper()
	return dial(r.t, r.addr)
}

// mirror answers with the method, the target and the body.
func mirror(w Response, r Request) {
	line := string(r.Method()) + " " + string(r.Target())
	r.Body(1<<20, func(body []byte) {
		if len(body) > 0 {
			line += " " + string(body)
		}
		w.End(line)
	})
}

// last is a request after which the server closes: what a connection that goes
// on answers.
var last = get("/last", "Connection: close")

// needFiles skips where a socket is handed over in other ways.
func needFiles(t testing.TB) {
	if runtime.GOOS == "windows" {
		t.Skip("Server.Files returns errors.ErrUnsupported here")
	}
}
