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

// A Handler answers one request. It is called on the connection's loop and
// must not block. Returning does not end the exchange: [Response.End] does, then
// or later.
type Handler func(w Response, r Request)

// A Server serves HTTP on any number of listeners. The fields are settings, to
// be left alone once Listen was called; zero means the default, and a negative
// number that there is no limit.
type Server struct {
	Handler Handler

	// Loops is the number of event loops: 0 means one for each processor
	// (GOMAXPROCS). With 1, no two handlers ever run at once.
	Loops int

	// Poller names the poller's backend; empty means the best: see poller.New.
	Poller string

	HeadTimeout  time.Duration // for a request's head, from its first byte on, or from the connection's for the first; 10 s
	BodyTimeout  time.Duration // for each 4 KiB of a request's body; 30 s
	IdleTimeout  time.Duration // between requests; 75 s
	WriteTimeout time.Duration // for the client to take anything of an answer; 30 s
	DrainTimeout time.Duration // for one more request on an idle connection, once Shutdown was called; 1 s

	MaxHead    int   // bytes of a request's head; 16 KiB
	MaxFields  int   // field lines of a head; 100
	MaxBody    int64 // bytes of a request's body; 64 MiB
	MaxConns   int   // connections at a time; 65,536
	MaxBacklog int   // bytes of answers that a connection may hold when more is written; 16 MiB

	// MaxMemory bounds what all connections hold together, input that waits and
	// output that is not taken, in bytes. It is divided among the loops: on one that
	// holds more than its share those connections that hold most are reset, and
	// Stats and Log say so. Default: a quarter of the memory that the process may
	// have.
	MaxMemory int64

	// ReusePort has Listen set SO_REUSEPORT, so that several processes can
	// listen on one port: see [conn.ReusePort] for what that costs.
	ReusePort bool

	// TLS is for ListenTLS: it wants Certificates, GetCertificate or
	// GetConfigForClient. A copy is made, which offers http/1.1 and 1.0, and h2 only by
	// package nethttp.
	TLS *tls.Config

	MaxHandshakes int // of TLS, under way at a time; 2048

	// OnLoop, if it is set, is called on each loop before that serves anybody: for
	// what a program keeps for each loop, such as connections to a backend.
	OnLoop func(l *conn.Loop)

	// OnShutdown, if it is set, is called on each loop when Shutdown begins. What
	// becomes of connections that were hijacked or dialled, and those of
	// ListenConn, is the program's business then. Else Shutdown calls the
	// Quiesce of their conn.Handler, and closes those that have none after
	// DrainTimeout.
	OnShutdown func(l *conn.Loop)

	// Access, if it is set, is called at the end of each exchange, on its loop,
	// also for requests that were refused: for an access log. Like a handler it
	// must not block.
	Access func(a Access)

	// Log gets what the program's author has to know: panics of handlers, failures
	// to accept, callbacks that block their loop, exchanges that nobody answers,
	// and, once for each place, errors that a method returned for a mistake of the
	// program; and that TLS handshakes failed. Nil: slog.Default gets all but the
	// mistakes. Package nethttp logs here what handlers of net/http panic with and
	// do wrong, and what net/http itself complains of.
	Log *slog.Logger

	// SlowCallback is how long callbacks may block a loop before Log, or
	// slog.Default, gets a warning with the stack, at most once a minute for each
	// loop. 100 ms; negative: never.
	SlowCallback time.Duration

	// Unanswered is how long an exchange may go without an answer before Log, or
	// slog.Default, gets a warning with its handler, method and path: nobody may
	// be left who is going to end it. Those that have a timer, wait in a Hub, or
	// have begun their answer are not meant. 1 min; negative: never.
	Unanswered time.Duration

	// OnRefuse, if it is set, is called on the loop before the server sends an
	// answer of its own, 413 say, which may get further fields: those of CORS, for
	// one, without which a browser hides it from its script.
	OnRefuse func(r Refusal)

	mu        sync.Mutex
	state     state
	protocol  conn.Handler
	secure    conn.Handler     // protocol with TLS
	misled    conn.Handler     // for its clients that speak none
	listeners []*conn.Listener // on the first loop
	workers   []*worker        // one for each loop
	byLoop    map[*conn.Loop]*worker
	ctx       context.Context
	cancel    context.CancelCauseFunc
	watch     watch
	mistakes  mistakes
	done      chan struct{} // closed when Serve is about to return
	atStop    []func()      // to be called before
	offered   map[string]adapt.Protocol
	others    atomic.Int64 // connections that these have
	conns     atomic.Int64 // open connections, but for
	refused   atomic.Int64 // those beyond MaxConns that are being told so
}

type state uint8

const (
	fresh state = iota
	serving
	stopping
)

// ListenAndServe answers HTTP requests on a TCP address until the process ends,
// with a Server of default settings. It returns only errors.
func ListenAndServe(addr string, h Handler) error {
	s := &Server{Handler: h}
	if _, err := s.Listen("tcp", addr); err != nil {
		s.Close()
		return err
	}
	return s.Serve()
}

// ListenTCP calls open for every connection to a TCP address, until the process
// ends. What open does with it, see package conn:
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
// "tcp6" or "unix". It answers the address, with the port that was chosen for
// port 0. It is called before Serve, any number of times; clients that connect
// before Serve wait.
func (s *Server) Listen(network, addr string) (net.Addr, error) {
	return s.listen(nil, s.opener(network, addr))
}

// ListenConn is Listen for connections that do not speak HTTP. They share the
// loops, and go by h alone: of the server's limits none applies to them.
func (s *Server) ListenConn(network, addr string, h *conn.Handler) (net.Addr, error) {
	return s.listen(h, s.opener(network, addr))
}

// listen has the first loop open a listener, and deal its connections to all.
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
	l.Ref() // a loop without connections waits for some
	return newWorker(s, l), nil
}

// dropLoops gives back what loops hold that never ran: by running them to their
// end.
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

// Serve runs the loops until Shutdown or Close, and returns nil after these.
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
		w.loop.Post(w.start) // the first that it runs
	}
	s.mu.Unlock()
	defer s.stopped()

	errs := make(chan error, len(s.workers))
	for i := range s.workers {
		go func() {
			err := errLoopEnded
			defer func() { errs <- err }() // whatever ends the goroutine
			err = s.runLoop(i)
		}()
	}
	defer s.watchLoops()()
	var first error
	for range s.workers {
		if err := <-errs; err != nil && first == nil && !errors.Is(err, net.ErrClosed) {
			first = fmt.Errorf("server: a loop failed: %w", err)
			s.cancel(net.ErrClosed) // the others would serve half of the clients
		}
	}
	return first
}

// Shutdown stops the server in order: it stops listening, and lets the exchanges
// that are under way end. The answers say that the connection closes. On a
// connection that is idle a request may be on its way, which would be lost if it
// were closed now: it is closed after its next answer, or when none was asked for
// within DrainTimeout. Connections that speak no HTTP: see OnShutdown; whose TLS
// handshake is not done by then are closed. When ctx is done first, what is left is closed as by Close
// and ctx's error returned. Called on one of the loops, as from a handler, it
// returns nil at once, and the server goes on to stop: at the deadline of ctx, if
// it has one, what is left is closed.
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

// here reports whether it is called on one of the server's loops, which then
// cannot be waited for.
func (s *Server) here() bool {
	for _, w := range s.workers {
		if w.loop.Here() {
			return true
		}
	}
	return false
}

// closeWhen closes what is left when ctx is done. One that has a deadline is done
// at that, though its function may end before, as a handler's does that called
// Shutdown.
func (s *Server) closeWhen(ctx context.Context) {
	if by, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		t := time.AfterFunc(time.Until(by), func() { s.cancel(net.ErrClosed) })
		go func() { <-s.done; t.Stop() }()
		return
	}
	stop := context.AfterFunc(ctx, func() { s.cancel(net.ErrClosed) })
	go func() { <-s.done; stop() }()
}

// shutdown runs on the first loop, which has the listeners: what they have
// accepted reaches the other loops before the word to stop does.
func (s *Server) shutdown() {
	for _, ln := range s.listeners {
		ln.Close()
	}
	for _, w := range s.workers[1:] {
		w.loop.Post(w.drain)
	}
	s.workers[0].drain()
	s.quiesceOthers()
}

// Close stops the server at once: connections are closed in the middle of
// whatever they do, and their OnAbort functions called. It waits until all loops
// have stopped, and so for callbacks that block; called on one of the loops, as
// from a handler, it returns at once, and they stop when that has returned.
func (s *Server) Close() error {
	if s.stop() != fresh {
		s.cancel(net.ErrClosed)
		if !s.here() {
			<-s.done
		}
	}
	return nil
}

// stop makes the server's state stopping, and answers what it was.
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
