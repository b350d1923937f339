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

// A Server runs a [server.Server], with all of its settings, for tests. Its methods
// belong to the test's goroutine, on which handlers run.
type Server struct {
	srv           *server.Server
	loop, handler any
	open          []*Exchange
}

// New makes a Server of s, which must not be used elsewhere: Listen and Serve are
// not called. It panics if there is no poller to be had.
func New(s *server.Server) *Server {
	loop, handler, err := hand.Open(s)
	if err != nil {
		panic(fmt.Sprintf("servertest: %v", err))
	}
	return &Server{srv: s, loop: loop, handler: handler}
}

// Close ends all exchanges, whose OnAbort functions are called, and the server.
func (s *Server) Close() {
	for _, x := range s.open {
		x.peer.Close()
	}
	s.srv.Close()
}

// Connect opens a connection, for tests that send bytes of their own.
func (s *Server) Connect() (*Peer, error) { return connect(s.loop, s.handler) }

// Do has the handler answer a request on a connection of its own. It returns when
// there is nothing more to do at this time, be the exchange ended or not. Each of
// fields is a line, "Name: value"; Host is "test" unless one of them says
// otherwise, and Content-Length follows from the body unless Transfer-Encoding is
// there.
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

// Advance moves the clock on, and lets happen what is due, in order.
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

// request is the message as it is sent.
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

// Do has h answer one request, as [Server.Do] of a server with default settings. A
// handler that does not end the exchange at once is aborted when Do returns: see
// New for those.
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
