// Adopt and Detach: between connections of package net, for code that blocks,
// and connections of a loop.

package conn

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/poller"
)

// Adopt takes over a connection of package net that has a socket (a
// *net.TCPConn or *net.UnixConn) and closes nc: the socket goes on here.
// Handler.Open is called after the running callback.
func (l *Loop) Adopt(nc net.Conn, h *Handler) (*Conn, error) {
	defer nc.Close()
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("conn: a %T has no socket to adopt", nc)
	}
	if l.ending {
		return nil, net.ErrClosed
	}
	fd, err := dupFD(sc)
	if err != nil {
		return nil, err
	}
	c := l.newConn(fd, h, opening)
	if err := c.watch(poller.Read); err != nil {
		l.slots.release(c.slot)
		l.stats.Open--
		closeFD(fd)
		return nil, err
	}
	c.replay()
	return c, nil
}

// ErrPending is Detach's answer while output waits: call it again from OnDrain.
var ErrPending = errors.New("conn: output is pending, detach when it has drained")

// Detach takes the connection off the loop and answers it as a net.Conn, for
// code that blocks. Reading it begins with the input that Data has left, or is
// leaving: called from within Data, it goes by what that call answers. On the
// loop c is closed; Handler.Close is called, with a nil error.
func (c *Conn) Detach() (net.Conn, error) {
	if c.is(connecting | shut | closing | closed) {
		return nil, net.ErrClosed
	}
	if c.send(); c.out != nil || c.queued() {
		return nil, ErrPending
	}
	if c.is(closed) {
		return nil, net.ErrClosed
	}
	fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	c.fail(nil)
	if c.loop.delivering == c {
		p := &prefixed{Conn: nc, ready: make(chan struct{})}
		c.extra().detached = p
		return p, nil
	}
	if c.in != nil {
		p := &prefixed{Conn: nc, ready: make(chan struct{})}
		p.give(c.in.B[c.inOff:])
		return p, nil
	}
	return nc, nil
}

// A prefixed connection reads what the loop had read before.
type prefixed struct {
	net.Conn
	ready chan struct{} // closed when rest is known
	rest  []byte
}

func (p *prefixed) give(rest []byte) {
	p.rest = slices.Clone(rest)
	close(p.ready)
}

func (p *prefixed) Read(b []byte) (int, error) {
	<-p.ready
	if len(p.rest) > 0 {
		n := copy(b, p.rest)
		p.rest = p.rest[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

// CloseWrite shuts the sending side, as that of a *net.TCPConn does.
func (p *prefixed) CloseWrite() error {
	return p.Conn.(interface{ CloseWrite() error }).CloseWrite()
}
