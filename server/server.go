// Server: its settings, its loops, and how it starts and stops.

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/poller"
)

// A Handler serves one request. It is called on the connection's loop and must
// not block. When it returns the exchange goes on: [Response.End] ends it, from
// within the handler or later.
type Handler func(w Response, r Request)

// A Server serves HTTP on any number of listeners. The fields are settings, and
// must not change once Listen has been called. In each of them zero means the
// default, and a negative number means no limit.
type Server struct {
	// Handler is called with each request. It must be set before Listen.
	Handler Handler

	// Loops is the number of event loops: 0 means one for each processor
	// (GOMAXPROCS). With 1, no two handlers ever run at once.
	Loops int

	// Poller names the poller's backend; empty means the best: see poller.New.
	Poller string

	HeadTimeout  time.Duration // for a request's head, from its first byte (the first head: from the start of the connection); 10 s
	BodyTimeout  time.Duration // for each 4 KiB of a request's body; 30 s
	IdleTimeout  time.Duration // between requests; 75 s
	WriteTimeout time.Duration // without the client taking a byte of an answer; 30 s
	DrainTimeout time.Duration // for one more request on an idle connection after Shutdown; 1 s

	MaxHead    int   // bytes of a request's head; 16 KiB
	MaxFields  int   // field lines of a head; 100
	MaxBody    int64 // bytes of a request's body; 64 MiB
	MaxConns   int   // connections at a time; 65,536
	MaxBacklog int   // bytes of answers waiting on a connection when more is written; 16 MiB

	// MaxMemory bounds the bytes that all connections hold together: input that
	// waits, bodies that are collected, output that clients do not take, messages of
	// a Hub that are to be dealt out, what crypto/tls keeps, and what protocols
	// charge by [conn.Conn.Charge]. It is divided among the loops. A
	// loop that holds more than its share resets the connections that hold most;
	// Stats and Log say so. Default: an eighth of the memory that the process may
	// use: the process takes up to three times as much, because the garbage collector
	// lets the heap grow before it collects. [debug.SetMemoryLimit] lowers both.
	MaxMemory int64

	// ReusePort makes Listen set SO_REUSEPORT, so that several processes can
	// listen on one port. [conn.ReusePort] says what that costs.
	ReusePort bool

	// TLS configures ListenTLS. It must have Certificates, GetCertificate or
	// GetConfigForClient. The server uses a copy, which offers http/1.1 and http/1.0
	// by ALPN, and h2 only if package nethttp serves that.
	TLS *tls.Config

	MaxHandshakes int // TLS handshakes under way at a time; 2048

	// OnLoop, if it is set, is called on each loop before the loop serves anybody.
	// It is the place to make what a program keeps for each loop, such as
	// connections to a backend.
	OnLoop func(l *conn.Loop)

	// OnShutdown, if it is set, is called on each loop when Shutdown begins. The
	// program is then responsible for the connections that speak no HTTP: those
	// that were hijacked or dialled, and those of ListenConn. If it is nil,
	// Shutdown calls the Quiesce function of their conn.Handler, and closes those
	// without one after DrainTimeout.
	OnShutdown func(l *conn.Loop)

	// Access, if it is set, is called on the loop at the end of each exchange, also
	// for requests that were refused. It is meant for an access log. Like a handler
	// it must not block.
	Access func(a Access)

	// Log gets what the program's author has to know: panics of handlers, failures
	// to accept, callbacks that block their loop, exchanges that nobody ends, TLS
	// handshakes that failed, and mistakes of the program that a method returned
	// as an error (once for each place in the source). If it is nil, slog.Default
	// gets all but the mistakes. Package nethttp logs here too: panics and mistakes
	// of net/http's handlers, and what net/http itself logs.
	Log *slog.Logger

	// SlowCallback is how long callbacks may block a loop before Log, or
	// slog.Default, gets a warning with the stack, at most once a minute for each
	// loop. Default: 100 ms; negative: never.
	SlowCallback time.Duration

	// Unanswered is how long an exchange may go without an answer before Log, or
	// slog.Default, gets a warning with its handler, method and path: perhaps
	// nothing in the program is left to end it. Exchanges that have a timer, wait
	// in a Hub, or have begun their answer do not count. Default: 1 min; negative:
	// never.
	Unanswered time.Duration

	// OnRefuse, if it is set, is called on the loop before the server sends an
	// answer of its own, such as a 413. It may add fields to that answer: those of
	// CORS, for instance, without which a browser hides the answer from its script.
	OnRefuse func(r Refusal)

	mu        sync.Mutex
	state     state
	protocol  conn.Handler
	secure    conn.Handler     // protocol with TLS
	misled    conn.Handler     // protocol for clients that speak plain HTTP to a TLS listener
	listeners []*conn.Listener // on the first loop
	workers   []*worker        // one for each loop
	byLoop    map[*conn.Loop]*worker
	ctx       context.Context
	cancel    context.CancelCauseFunc
	watch     watch
	mistakes  mistakes
	done      chan struct{} // closed when Serve is about to return
	atStop    []func()      // called before Serve returns
	offered   map[string]adapt.Protocol
	others    atomic.Int64 // open connections of these protocols
	conns     atomic.Int64 // open connections that are served
	refused   atomic.Int64 // open connections over MaxConns, which are being sent a 503
}

type state uint8

const (
	fresh state = iota
	serving
	stopping
)

// ListenAndServe serves HTTP on a TCP address until the process ends, by a Server
// with default settings. It returns only if it fails.
func ListenAndServe(addr string, h Handler) error {
	s := &Server{Handler: h}
	if _, err := s.Listen("tcp", addr); err != nil {
		s.Close()
		return err
	}
	return s.Serve()
}

// ListenTCP calls open for every connection to a TCP address, until the process
// ends. Package conn says what open can do with a connection:
//
//	server.ListenTCP(":7000", func(c *conn.Conn) { c.WriteString("Echo server\r\n"); c.Pipe(c) })
func ListenTCP(addr string, open func(c *conn.Conn)) error {
	s := new(Server)
	if _, err := s.ListenConn("tcp", addr, &conn.Handler{Open: open}); err != nil {
		s.Close()
		return err
	}
	return s.Serve()
}

// Listen prepares to serve HTTP on an address: network is "tcp", "tcp4",
// "tcp6" or "unix". It returns the address, with the port that the system chose
// where port 0 was asked for. It may be called any number of times before Serve.
// Clients that connect before Serve wait.
func (s *Server) Listen(network, addr string) (net.Addr, error) {
	return s.listen(nil, s.opener(network, addr))
}

// ListenConn is Listen for connections that do not speak HTTP. They share the
// loops, and h alone governs them: the server's limits do not apply, except
// MaxMemory.
func (s *Server) ListenConn(network, addr string, h *conn.Handler) (net.Addr, error) {
	return s.listen(h, s.opener(network, addr))
}

// listen opens a listener on the first loop, which deals its connections to all
// loops.
func (s *Server) listen(h *conn.Handler, open opener) (net.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != fresh {
		return nil, ErrServing
	}
	if h == nil && s.Handler == nil {
		return nil, ErrNoHandler
	}
	if err := s.makeLoops(); err != nil {
		return nil, err
	}
	if h == nil {
		h = &s.protocol
	}
	ln, err := open(s.workers[0].loop, h)
	if err != nil {
		return nil, err
	}
	loops := make([]*conn.Loop, len(s.workers))
	for i, w := range s.workers {
		loops[i] = w.loop
	}
	ln.Spread(loops...)
	s.listeners = append(s.listeners, ln)
	return ln.Addr(), nil
}

// makeLoops makes the loops, once.
func (s *Server) makeLoops() error {
	if s.workers != nil {
		return nil
	}
	s.defaults()
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.done = make(chan struct{})
	s.watch.wake = make(chan struct{}, 1)
	s.protocol = protocol(s)
	s.byLoop = make(map[*conn.Loop]*worker)
	n := s.Loops
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	for range n {
		w, err := s.makeLoop(n)
		if err != nil {
			s.dropLoops()
			return err
		}
		s.workers, s.byLoop[w.loop] = append(s.workers, w), w
	}
	return nil
}

func (s *Server) makeLoop(of int) (*worker, error) {
	p, err := s.openPoller()
	if err != nil {
		return nil, err
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		return nil, err
	}
	l.Log = s.Log
	switch {
	case s.MaxMemory < 0:
		l.MaxMemory = -1
	case s.MaxMemory > 0:
		l.MaxMemory = int(max(s.MaxMemory/int64(of), 1))
	}
	l.Ref() // a loop without connections goes on, and waits for some
	return newWorker(s, l), nil
}

// dropLoops releases loops that never ran, by running them until they stop.
func (s *Server) dropLoops() {
	s.cancel(net.ErrClosed)
	for _, w := range s.workers {
		w.loop.Run(s.ctx)
	}
	s.workers = nil
}

func (s *Server) openPoller() (poller.Poller, error) {
	if s.Poller != "" {
		return poller.Open(s.Poller)
	}
	return poller.New()
}

func (s *Server) defaults() {
	orDefault(&s.HeadTimeout, 10*time.Second)
	orDefault(&s.BodyTimeout, 30*time.Second)
	orDefault(&s.IdleTimeout, 75*time.Second)
	orDefault(&s.WriteTimeout, 30*time.Second)
	orDefault(&s.DrainTimeout, time.Second)
	orDefault(&s.SlowCallback, 100*time.Millisecond)
	orDefault(&s.Unanswered, time.Minute)
	orDefault(&s.MaxHead, 16<<10)
	orDefault(&s.MaxFields, 100)
	orDefault(&s.MaxBody, 64<<20)
	orDefault(&s.MaxConns, 1<<16)
	orDefault(&s.MaxBacklog, conn.DefaultMax)
	orDefault(&s.MaxHandshakes, conn.DefaultHandshakes)
}

func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// Serve runs the loops. It returns nil after Shutdown or Close, else an error.
func (s *Server) Serve() error {
	s.mu.Lock()
	if s.state != fresh || s.workers == nil {
		defer s.mu.Unlock()
		if s.state == fresh {
			return errors.New("server: Serve comes after Listen")
		}
		return net.ErrClosed
	}
	s.state = serving
	for _, w := range s.workers {
		w.loop.Post(w.start) // the first function that the loop runs
	}
	s.mu.Unlock()
	defer s.stopped()

	errs := make(chan error, len(s.workers))
	for i := range s.workers {
		go func() {
			err := errLoopEnded
			defer func() { errs <- err }() // also when a panic or Goexit ends the goroutine
			err = s.runLoop(i)
		}()
	}
	defer s.watchLoops()()
	var first error
	for range s.workers {
		if err := <-errs; err != nil && first == nil && !errors.Is(err, net.ErrClosed) {
			first = fmt.Errorf("server: a loop failed: %w", err)
			s.cancel(net.ErrClosed) // the other loops would serve only some of the clients
		}
	}
	return first
}

// Shutdown stops the server in order: it stops listening, and lets the exchanges
// that are under way end. Their answers say that the connection closes. An idle
// connection is closed after one more answer, or when no request has come within
// DrainTimeout: one may be on its way, and would be lost if the connection were
// closed at once. A TLS handshake that is not done by then is closed too, and so is
// who sends no more of half a request. A client that takes nothing of its answer is reset
// after DrainTimeout, or after 4 s if that is longer.
// OnShutdown says what happens to connections that speak no HTTP.
//
// When ctx is done first, Shutdown closes what is left as Close does, and returns
// ctx's error. Called on one of the loops, as from a handler, it returns nil at
// once and the server stops in the background; at the deadline of ctx, if it has
// one, what is left is closed.
func (s *Server) Shutdown(ctx context.Context) error {
	switch s.stop() {
	case fresh:
		return nil
	case serving:
		s.workers[0].loop.Post(s.shutdown)
	}
	if s.here() {
		s.closeWhen(ctx)
		return nil
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		s.cancel(net.ErrClosed)
		return ctx.Err()
	}
}

// here reports whether it is called on one of the server's loops. The caller must
// not wait for the loops then.
func (s *Server) here() bool {
	for _, w := range s.workers {
		if w.loop.Here() {
			return true
		}
	}
	return false
}

// closeWhen closes what is left when ctx is done. If ctx has a deadline, only the
// deadline counts: the handler that called Shutdown may return before, and cancel
// its context.
func (s *Server) closeWhen(ctx context.Context) {
	if by, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		t := time.AfterFunc(time.Until(by), func() { s.cancel(net.ErrClosed) })
		go func() { <-s.done; t.Stop() }()
		return
	}
	stop := context.AfterFunc(ctx, func() { s.cancel(net.ErrClosed) })
	go func() { <-s.done; stop() }()
}

// shutdown runs on the first loop, which has the listeners, so that connections
// they have accepted reach the other loops before the order to stop does.
func (s *Server) shutdown() {
	for _, ln := range s.listeners {
		ln.Close()
	}
	for _, w := range s.workers[1:] {
		w.loop.Post(w.quiesce)
	}
	s.workers[0].quiesce()
	s.quiesceOthers()
}

// Close stops the server at once: it closes all connections, whatever they are
// doing, and calls their OnAbort functions. It waits until all loops have stopped,
// and so for callbacks that block. Called on one of the loops, as from a handler,
// it returns at once, and the loops stop when the handler has returned.
func (s *Server) Close() error {
	if s.stop() != fresh {
		s.cancel(net.ErrClosed)
		if !s.here() {
			<-s.done
		}
	}
	return nil
}

// stop sets the server's state to stopping, and returns what it was before.
func (s *Server) stop() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.state
	s.state = stopping
	if was == fresh {
		if s.workers == nil {
			s.done = make(chan struct{})
			s.cancel = func(error) {}
		}
		s.dropLoops()
		close(s.done)
	}
	return was
}
