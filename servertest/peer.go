//go:build unix

// peer: the other side of a connection, which is a pair of Unix sockets.

package servertest

import (
	"fmt"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/hand"
	"github.com/lurcher-net/lurcher/poller"
)

// A Peer is the other side of a connection of a [conn.Handler]. Its methods must be called
// on the test's goroutine.
type Peer struct {
	Conn     *conn.Conn // as the handler knows it
	Received []byte     // what the handler has sent, as far as the Peer has read it
	Closed   bool       // the handler will send no more

	loop    any
	own     bool // the loop is for this Peer alone
	fd      int
	pending []byte // to be sent
	stopped bool   // by Pause
}

// NewPeer connects a Peer to h, on a loop of its own, which Close stops.
func NewPeer(h *conn.Handler) (*Peer, error) {
	p, err := poller.New()
	if err != nil {
		return nil, err
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		return nil, err
	}
	peer, err := connect(l, h)
	if err != nil {
		return nil, err
	}
	peer.own = true
	return peer, nil
}

func connect(loop any, h any) (*Peer, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("servertest: socketpair: %w", err)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
		syscall.SetNonblock(fd, true)
	}
	c, err := hand.Attach(loop, fds[0], h)
	if err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
		return nil, err
	}
	return &Peer{Conn: c.(*conn.Conn), loop: loop, fd: fds[1]}, nil
}

// Send sends data to the handler, and runs the loop until nothing is left to do.
func (p *Peer) Send(data string) {
	p.pending = append(p.pending, data...)
	p.settle()
}

// CloseWrite sends a FIN after what was sent.
func (p *Peer) CloseWrite() {
	p.settle()
	syscall.Shutdown(p.fd, syscall.SHUT_WR)
	p.settle()
}

// Pause stops reading what the handler sends, so that the connection becomes full. Resume
// undoes it.
func (p *Peer) Pause() { p.stopped = true }

// Resume reads on.
func (p *Peer) Resume() {
	p.stopped = false
	p.settle()
}

// Advance moves the clock by d, and runs what is due.
func (p *Peer) Advance(d time.Duration) {
	advance(p.loop, d, p.settle)
}

// Close closes the connection, as a peer that leaves does.
func (p *Peer) Close() {
	if p.fd >= 0 {
		syscall.Close(p.fd)
		p.fd = -1
	}
	if p.own {
		hand.End(p.loop)
		p.own = false
		return
	}
	p.settle()
}

// step is long enough for whatever a timer sets off to set its own timers at the
// time at which it runs.
const step = 10 * time.Millisecond

// advance moves the clock in steps: what is due in the middle happens then. A timer
// may be a millisecond late, so it goes on for one more.
func advance(loop any, d time.Duration, settle func()) {
	d += time.Millisecond
	for d > 0 {
		// Long waits in few steps: a hundred of them, but none shorter than step.
		one := min(max(d/100, step), d)
		hand.Advance(loop, one)
		settle()
		d -= one
	}
	settle()
}

// settle turns the loop until nothing happens any more, and passes bytes.
func (p *Peer) settle() {
	for quiet := 0; quiet < 2; {
		moved := p.flush()
		if hand.Step(p.loop) {
			moved = true
		}
		if p.fill() {
			moved = true
		}
		if quiet++; moved {
			quiet = 0
		}
	}
}

// flush sends what the kernel takes.
func (p *Peer) flush() (moved bool) {
	for len(p.pending) > 0 && p.fd >= 0 {
		n, err := syscall.Write(p.fd, p.pending)
		if err != nil {
			if err != syscall.EAGAIN && err != syscall.EINTR {
				p.pending = nil // nobody reads it
			}
			return moved
		}
		p.pending = p.pending[n:]
		moved = true
	}
	return moved
}

// fill takes what has come.
func (p *Peer) fill() (moved bool) {
	var buf [16 << 10]byte
	for !p.stopped && !p.Closed && p.fd >= 0 {
		n, err := syscall.Read(p.fd, buf[:])
		switch {
		case n > 0:
			p.Received = append(p.Received, buf[:n]...)
			moved = true
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return moved
		default:
			p.Closed = true
			return true
		}
	}
	return moved
}
