// Listeners from outside: those of the process before this one, of systemd, or
// those that the program has opened itself.

package server

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"

	"github.com/lurcher-net/lurcher/conn"
)

// An opener makes a listener on a loop.
type opener func(l *conn.Loop, h *conn.Handler) (*conn.Listener, error)

// opener returns a function that opens an address.
func (s *Server) opener(network, addr string) opener {
	return func(l *conn.Loop, h *conn.Handler) (*conn.Listener, error) {
		if !s.ReusePort || !strings.HasPrefix(network, "tcp") {
			return l.Listen(network, addr, h)
		}
		lc := net.ListenConfig{Control: conn.ReusePort}
		nl, err := lc.Listen(context.Background(), network, addr)
		if err != nil {
			return nil, err
		}
		return l.AdoptListener(nl, h)
	}
}

// Inherit is Listen for a socket that listens already, whoever opened it: the
// process that this one replaces (examples/restart) or systemd (examples/systemd).
// [net.FileListener] makes a listener of an *os.File. Inherit closes ln, and the
// server goes on with a duplicate of the socket. It never removes the file of a
// Unix socket that another process has made.
func (s *Server) Inherit(ln net.Listener) error { return s.InheritConn(ln, nil) }

// InheritConn is Inherit for connections that do not speak HTTP: see ListenConn.
func (s *Server) InheritConn(ln net.Listener, h *conn.Handler) error {
	_, err := s.listen(h, func(l *conn.Loop, h *conn.Handler) (*conn.Listener, error) {
		return l.AdoptListener(ln, h)
	})
	return err
}

// Files returns duplicates of the sockets that the server listens on, in the order
// of the calls that opened them. Pass them to the process that takes over, by
// [os/exec.Cmd.ExtraFiles]. From then on the file of a Unix socket belongs to that
// process, and this one does not remove it. While both listen, the kernel gives
// each connection to either. Files must not be called from a handler.
func (s *Server) Files() ([]*os.File, error) {
	var files []*os.File
	var errs []error
	collect := func() {
		for _, ln := range s.listeners {
			f, err := ln.File()
			if err != nil {
				errs = append(errs, err)
				continue
			}
			files = append(files, f)
		}
		if len(errs) > 0 {
			return // the caller gets no files, so those of Unix sockets are still ours to remove
		}
		for _, ln := range s.listeners {
			ln.SetUnlinkOnClose(false)
		}
	}
	collected := make(chan struct{})
	s.mu.Lock()
	var err error
	switch s.state {
	case fresh:
		collect() // the loops do not run
		close(collected)
	case serving:
		err = s.workers[0].loop.Post(func() { collect(); close(collected) })
	default:
		err = net.ErrClosed
	}
	s.mu.Unlock() // before the wait: a handler may be calling Stats
	if err != nil {
		return nil, err
	}
	<-collected
	if err := errors.Join(errs...); err != nil {
		for _, f := range files {
			f.Close()
		}
		return nil, err
	}
	return files, nil
}
