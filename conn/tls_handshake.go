// Handshakes: each on a goroutine for as long as it takes, and computing no more
// at a time than leaves the loops their time.

package conn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// Why a handshake costs what it does. Nearly all of its time a handshake waits
// for its peer, and holds a goroutine; for a millisecond or so it computes, and
// holds a processor. The two are bounded apart: if one bound were for both, a
// few peers who are slow, or silent on purpose, would hold all of it.
//
//   - A client who has not sent a whole ClientHello has no goroutine yet.
//   - TLS.Handshakes goroutines wait at most, which is a bound on memory. When
//     they are all taken, those whose peer is silent make room, see await.
//   - computing is how many of them may compute. The turns are dealt in order,
//     one for each flight of messages, so that everybody comes on at the pace
//     of the processors.
//   - TLS.Waiting bounds what waits for a goroutine, and TLS.Timeout how long.

// computing has room for the handshakes that compute now. One processor is left
// to the loops, if there is more than one.
var computing = make(chan struct{}, max(runtime.GOMAXPROCS(0)-1, 1))

const (
	// flightSize is how much a handshake is fed at a time; as much of a
	// ClientHello is held before there is a goroutine for it.
	flightSize = 8 << 10

	// silence is how long a peer may say nothing while others have no goroutine.
	silence = time.Second
)

var (
	errCrowded = errors.New("the peer was silent while others waited for their turn")
	errWaiting = errors.New("more handshakes than TLS.Waiting allows")
	errCutOff  = fmt.Errorf("conn: the peer closed without a TLS close_notify: %w", io.ErrUnexpectedEOF)
)

func handshakeError(err error) error { return fmt.Errorf("conn: TLS handshake: %w", err) }

// A handshake is what a connection holds while that is not done.
type handshake struct {
	t      *transport
	host   string // that was dialled
	hello  []byte // the beginning of a ClientHello
	ctx    context.Context
	cancel context.CancelFunc

	wants  bool        // the loop's: input is wanted, to begin or to go on
	begun  bool        // the loop's: it has a goroutine, or waits for one
	input  chan []byte // one piece for each time that the goroutine waits
	out    []byte      // the goroutine's: to be sent when it waits again
	leaves bool        // the goroutine's: it makes room, see yield
	local  net.Addr
	remote net.Addr

	queued     bool // in the pool's queue; both under its mutex
	prev, next *handshake
}

// secure makes c one that is encrypted, as s says.
func (c *Conn) secure(s *TLS) {
	t := &transport{c: c, cfg: s, client: s.Client}
	c.sec = shaking
	c.extra().tls = t
}

// shake begins the handshake of a connection that is established.
func (c *Conn) shake() {
	t := c.more.tls
	hs := t.hs
	if hs == nil { // else dial has made it
		hs = &handshake{t: t}
		t.hs = hs
	}
	if !t.cfg.pool.enter(t.cfg) {
		t.hs = nil
		c.drop(handshakeError(errWaiting))
		return
	}
	hs.ctx, hs.cancel = context.WithCancel(context.Background())
	hs.input = make(chan []byte, 1)
	if n := t.cfg.timeout(); n != 0 {
		if tick := c.loop.tickIn(n); c.deadline == 0 || int32(tick-c.deadline) < 0 {
			c.deadline = tick // a dial may have less time left
			c.schedule(tick)
		}
	}
	switch {
	case t.client:
		hs.begin()
	case c.in != nil: // adopted with it
		p := bytes.Clone(c.in.B[c.inOff:])
		c.dropInput()
		c.greet(p)
	default:
		hs.wants = true
	}
	c.touch()
}

// handshakeInput is what has been read for a handshake.
func (c *Conn) handshakeInput(p []byte) {
	hs := c.more.tls.hs
	if !hs.begun {
		c.greet(p)
		return
	}
	hs.wants = false
	hs.input <- bytes.Clone(p)
}

// greet takes the beginning of a ClientHello, and begins when it is whole.
func (c *Conn) greet(p []byte) {
	t := c.more.tls
	hs := t.hs
	hs.hello = append(hs.hello, p...)
	switch b := hs.hello; {
	case b[0] >= ' ' && b[0] < 0x7f && t.cfg.Plain != nil:
		c.unsecure(b)
	case b[0] == 22 && len(b) < flightSize && (len(b) < 5 || len(b) < 5+int(b[3])<<8+int(b[4])):
		hs.wants = true
	default:
		t.raw, hs.hello = b, nil
		hs.begin()
	}
}

// unsecure gives the connection to Plain.
func (c *Conn) unsecure(p []byte) {
	t := c.more.tls
	c.endHandshake(false)
	c.h, c.sec = t.cfg.Plain, plain
	c.timeout, c.deadline = 0, 0
	c.more.tls = nil
	if c.open(); !c.is(closed) {
		c.receive(p)
	}
}

// begin asks the pool for a goroutine.
func (hs *handshake) begin() {
	t := hs.t
	hs.begun, hs.wants = true, false
	hs.local, hs.remote = orNowhere(t.c.LocalAddr()), orNowhere(t.c.RemoteAddr())
	t.tls = t.cfg.conn(t)
	t.cfg.pool.begin(hs, orDefault(t.cfg.Handshakes, DefaultHandshakes))
}

// orNowhere is for functions of the Config, which expect an address also of a
// peer that was reset meanwhile.
func orNowhere(a net.Addr) net.Addr {
	if a == nil {
		return &net.TCPAddr{}
	}
	return a
}

// run is the handshake, on its goroutine.
func (hs *handshake) run() {
	computing <- struct{}{}
	err := hs.do()
	<-computing
	out := hs.out
	hs.t.c.Post(func() { hs.t.c.shaken(out, err) })
}

// A panicked is the panic of a function of the program, on a goroutine that is not the loop's.
type panicked struct {
	where string
	value any
	stack []byte
}

func (p panicked) Error() string { return fmt.Sprintf("panic in %s: %v", p.where, p.value) }

func (hs *handshake) do() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked{"a function of the Config", v, debug.Stack()}
		}
	}()
	if err := hs.ctx.Err(); err != nil {
		return err
	}
	return hs.t.tls.HandshakeContext(hs.ctx)
}

// await sends what the handshake has to say, and waits for what the peer does.
// Meanwhile others may compute; and if they have no goroutine, a peer who is
// silent for too long loses this one.
func (hs *handshake) await() ([]byte, error) {
	c, out := hs.t.c, hs.out
	hs.out = nil
	if err := c.Post(func() { c.handshakeWants(out) }); err != nil {
		return nil, err
	}
	<-computing
	defer func() { computing <- struct{}{} }()
	tick := time.NewTicker(silence)
	defer tick.Stop()
	for {
		select {
		case p := <-hs.input:
			return p, nil
		case <-hs.ctx.Done():
			return nil, hs.ctx.Err()
		case <-tick.C:
			if hs.t.cfg.pool.yield() {
				hs.leaves = true
				return nil, errCrowded
			}
		}
	}
}

// handshakeWants is await's word to the loop.
func (c *Conn) handshakeWants(out []byte) {
	if c.is(closed) {
		return
	}
	c.record(out)
	c.more.tls.hs.wants = true
	c.touch()
}

// shaken is the end of a handshake.
func (c *Conn) shaken(out []byte, err error) {
	if c.is(closed) {
		return
	}
	c.record(out) // the last flight, or an alert
	if err != nil {
		if p, ok := err.(panicked); ok {
			c.loop.logPanic(p.value, p.stack)
		}
		c.send()
		c.fail(handshakeError(err))
		return
	}
	c.endHandshake(true)
	c.sec = sealed
	c.timeout, c.deadline = 0, 0
	c.open()
}

// endHandshake lets go of what a handshake holds.
func (c *Conn) endHandshake(done bool) {
	t := c.more.tls
	if t.hs == nil {
		return // it has not begun
	}
	if hs := t.hs; hs.cancel != nil {
		hs.cancel()
		t.cfg.pool.leave(hs, done)
	}
	if done || !t.hs.begun {
		t.hs = nil // else it is the goroutine's, which may take a while to see that it is over
	}
}

// handshakeTimeout is the end of its time.
func (c *Conn) handshakeTimeout() {
	c.fail(handshakeError(os.ErrDeadlineExceeded))
}
