// Adopt and Detach turn connections of package net, for code that blocks, into
// connections of a loop, and back.

package conn

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"

	"github.com/lurcher-net/lurcher/poller"
)

// Adopt takes over the socket of nc, and closes nc. nc is a connection of package net
// with a stream socket (a *net.TCPConn, or a *net.UnixConn of network "unix"), or one
// that [Conn.Detach] returned. Handler.Open is called after the running callback.
func (l *Loop) Adopt(nc net.Conn, h *Handler) (*Conn, error) {
	l.own("Loop.Adopt")
	socket := nc
	p, _ := nc.(*prefixed)
	if p != nil {
		socket = p.Conn
	}
	t := detachedTLS(socket)
	if t != nil {
		socket = t.socket
	}
	defer socket.Close()
	if l.ending {
		return nil, net.ErrClosed
	}
	var rest []byte
	if p != nil {
		var ok bool
		if rest, ok = p.take(); !ok {
			return nil, errors.New("conn: Adopt of what Data is detaching: wait for its return, or use SetHandler")
		}
	}
	sc, ok := socket.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("conn: a %T has no socket to adopt", nc)
	}
	fd, err := dupFD(sc)
	if err != nil {
		return nil, fmt.Errorf("conn: Adopt of a %T, which has to be a stream: %w", nc, err)
	}
	c := l.newConn(fd, h, opening)
	if err := c.watch(poller.Read); err != nil {
		l.slots.release(c.slot)
		l.stats.Open--
		closeFD(fd)
		return nil, err
	}
	if len(rest) > 0 {
		c.hold(rest)
	}
	if t != nil {
		t.c, t.socket, t.kept = c, nil, kept{}
		c.sec, c.extra().tls = sealed, t
	}
	c.later() // open
	return c, nil
}

// ErrPending is the error of Detach while output waits: call it again from OnDrain.
var ErrPending = errors.New("conn: output is pending, detach when it has drained")

// Detach takes the connection off the loop and returns it as a net.Conn, for code that
// blocks. Reads from that begin with the input that Data has left. If Detach is called
// within Data, that is what this call of Data leaves, and Read waits for it to return.
// On the loop c is closed, and Handler.Close is called with a nil error.
func (c *Conn) Detach() (net.Conn, error) {
	c.own("Detach")
	if c.is(connecting|shut|closing|closed) || c.sec == shaking {
		return nil, net.ErrClosed
	}
	c.uncorkSealed()
	if c.send(); c.out != nil || c.queued() {
		return nil, ErrPending
	}
	if c.is(closed) {
		return nil, net.ErrClosed
	}
	nc, err := netConn(int(c.fd))
	if err != nil {
		return nil, err
	}
	if c.sec == sealed {
		t := c.more.tls
		t.c, t.socket = nil, nc
		nc = t.tls
	}
	c.clear(ended) // the net.Conn's reader will see the FIN; Handler.Close gets nil
	c.fail(nil)
	if c.more != nil {
		c.more.pipe = nil // the net.Conn's reader deals with the sink
	}
	switch {
	case c.loop.delivering == c:
		p := &prefixed{Conn: nc, ready: make(chan struct{})}
		c.extra().detached = p
		return p, nil
	case c.in != nil:
		p := &prefixed{Conn: nc, ready: make(chan struct{})}
		p.give(c.in.B[c.inOff:])
		return p, nil
	}
	return nc, nil
}

// A prefixed connection first reads rest, the input that the loop had read already.
type prefixed struct {
	net.Conn
	ready chan struct{} // closed when rest is known
	mu    sync.Mutex
	rest  []byte
}

func (p *prefixed) give(rest []byte) {
	p.rest = slices.Clone(rest)
	close(p.ready)
}

// take takes the rest, if it is known.
func (p *prefixed) take() (rest []byte, ok bool) {
	select {
	case <-p.ready:
	default:
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rest, p.rest = p.rest, nil
	return rest, true
}

func (p *prefixed) Read(b []byte) (int, error) {
	<-p.ready
	p.mu.Lock()
	if n := copy(b, p.rest); n > 0 {
		if p.rest = p.rest[n:]; len(p.rest) == 0 {
			p.rest = nil
		}
		p.mu.Unlock()
		return n, nil
	}
	p.mu.Unlock()
	return p.Conn.Read(b)
}

// CloseWrite shuts the sending side, as that of a *net.TCPConn does.
func (p *prefixed) CloseWrite() error {
	return p.Conn.(interface{ CloseWrite() error }).CloseWrite()
}
