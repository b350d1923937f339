//go:build unix

// Server: a server.Server that a test turns by hand, and Do.

package servertest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/internal/hand"
	"github.com/lurcher-net/lurcher/server"
)

// A Server runs a [server.Server], with all of its settings, for tests. Its methods must be
// called on the test's goroutine, and handlers run there.
type Server struct {
	srv           *server.Server
	loop, handler any
	open          []*Exchange
}

// New makes a Server from s. Do not use s otherwise: Listen and Serve must not be called.
// New panics if no poller can be opened.
func New(s *server.Server) *Server {
	loop, handler, err := hand.Open(s)
	if err != nil {
		panic(fmt.Sprintf("servertest: %v", err))
	}
	return &Server{srv: s, loop: loop, handler: handler}
}

// Close stops the server. Exchanges under way are aborted, and their OnAbort functions
// called.
func (s *Server) Close() {
	for _, x := range s.open {
		x.peer.Close()
	}
	s.srv.Close()
}

// Connect opens a connection, for tests that send bytes of their own.
func (s *Server) Connect() (*Peer, error) { return connect(s.loop, s.handler) }

// Do sends a request to the handler, on a new connection. It returns when nothing more
// happens at this time, whether the exchange is over or not. Each of fields is a line,
// "Name: value". Host is "test" unless fields sets it, and Content-Length is set from
// the body unless fields sets Transfer-Encoding.
func (s *Server) Do(method, target, body string, fields ...string) *Exchange {
	x := &Exchange{server: s, method: method}
	var err error
	if x.peer, err = s.Connect(); err != nil {
		panic(fmt.Sprintf("servertest: %v", err))
	}
	s.open = append(s.open, x)
	x.peer.Send(request(method, target, body, fields))
	x.look()
	return x
}

// Advance moves the clock by d, and runs what is due, in order.
func (s *Server) Advance(d time.Duration) {
	advance(s.loop, d, s.settle)
}

func (s *Server) settle() {
	hand.Step(s.loop)
	for _, x := range s.open {
		x.peer.settle()
		x.look()
	}
}

// request returns the message as it is sent.
func request(method, target, body string, fields []string) string {
	var b strings.Builder
	has := func(name string) bool {
		for _, f := range fields {
			if n, _, _ := strings.Cut(f, ":"); strings.EqualFold(n, name) {
				return true
			}
		}
		return false
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", method, target)
	if !has("Host") {
		b.WriteString("Host: test\r\n")
	}
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	if body != "" && !has("Content-Length") && !has("Transfer-Encoding") {
		b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return b.String()
}

// spare keeps servers for Do: making one costs more than using it.
var spare sync.Pool

// Do sends one request to h, as [Server.Do] of a server with default settings does. If h
// does not end the exchange at once, it is aborted when Do returns: use New for such
// handlers.
func Do(h server.Handler, method, target, body string, fields ...string) *Exchange {
	s, _ := spare.Get().(*Server)
	if s == nil {
		s = New(&server.Server{SlowCallback: -1})
	}
	s.srv.Handler = h
	x := s.Do(method, target, body, fields...)
	ended, aborted := x.Ended, x.Aborted
	x.peer.Close()
	x.Ended, x.Aborted = ended, aborted
	s.open = s.open[:0]
	spare.Put(s)
	return x
}
