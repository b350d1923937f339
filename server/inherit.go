// Listeners that come from outside: from the process before this one, from
// systemd, or opened with options of the program's own.

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

// opener is what opens an address.
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
// process that this one takes over from, see examples/restart, or systemd, see
// examples/systemd. What is an *os.File, [net.FileListener] makes a listener of.
// ln is closed, and the socket goes on here; the file of a Unix socket is left to
// whoever made it.
func (s *Server) Inherit(ln net.Listener) error { return s.InheritConn(ln, nil) }

// InheritConn is to Inherit what ListenConn is to Listen.
func (s *Server) InheritConn(ln net.Listener, h *conn.Handler) error {
	_, err := s.listen(h, func(l *conn.Loop, h *conn.Handler) (*conn.Listener, error) {
		return l.AdoptListener(ln, h)
	})
	return err
}

// Files answers duplicates of the sockets that the server listens on, in the
// order of the calls that opened them, for a process that is to go on with them:
// [os/exec.Cmd.ExtraFiles] gives them to it. The file of a Unix socket is that
// process's from then on, and not removed any more. As long as both listen, the
// kernel gives a connection to either. Files must not be called from a handler.
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
			return // nobody gets them: the files of Unix sockets are still ours to remove
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
		collect() // no loop runs
		close(collected)
	case serving:
		err = s.workers[0].loop.Post(func() { collect(); close(collected) })
	default:
		err = net.ErrClosed
	}
	s.mu.Unlock() // before the wait: a handler may be asking for Stats
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
