// Handshakes: each runs on a goroutine for as long as it takes. Few enough compute at a
// time to leave a processor to the loops.

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

	"github.com/lurcher-net/lurcher/internal/stack"
)

// computing is a semaphore for the handshakes that compute. If there is more than one
// processor, it leaves one to the loops.
var computing = make(chan struct{}, max(runtime.GOMAXPROCS(0)-1, 1))

const (
	// flightSize is how much is read at a time for a handshake. A ClientHello may
	// have as many bytes before its handshake gets a goroutine, whole or not.
	flightSize = 8 << 10

	// A record is a type, a version, a length, and that many bytes: RFC 8446 5.1, and
	// RFC 5246 6.2.3 for the longest encrypted one.
	recordHeader = 5
	maxRecord    = recordHeader + 16<<10 + 2<<10
)

var (
	errCrowded    = errors.New("the peer took its time while others waited for their turn")
	errWaiting    = errors.New("more handshakes than TLS.Waiting allows")
	errUnfinished = errors.New("a function of the Config has ended the goroutine")
	errCutOff     = fmt.Errorf("conn: the peer closed without a TLS close_notify: %w", io.ErrUnexpectedEOF)
)

// A HandshakeError is what Handler.Close gets when the TLS handshake of a connection
// has failed.
type HandshakeError struct {
	RemoteAddr net.Addr // nil if it is not known any more
	Err        error    // of crypto/tls, of the socket, or [os.ErrDeadlineExceeded]
}

func (e *HandshakeError) Error() string {
	if e.RemoteAddr == nil {
		return "conn: TLS handshake: " + e.Err.Error()
	}
	return "conn: TLS handshake with " + e.RemoteAddr.String() + ": " + e.Err.Error()
}

func (e *HandshakeError) Unwrap() error { return e.Err }

// failHandshake ends a connection whose handshake is not done.
func (c *Conn) failHandshake(err error) {
	if c.sec == shaking && !c.is(closed) {
		c.fail(c.handshakeError(err))
	}
}

func (c *Conn) handshakeError(err error) error {
	if hs := c.more.tls.hs; hs != nil && hs.remote != nil {
		return &HandshakeError{hs.remote, err} // stored when the handshake began
	}
	return &HandshakeError{c.RemoteAddr(), err}
}

// A handshake is what a connection holds until its handshake is done.
type handshake struct {
	t    *transport
	host string // the host that was dialled
	held []byte // input that the goroutine has not taken: the beginning of a record, as a rule

	ctx    context.Context
	cancel context.CancelCauseFunc

	// The loop uses wants and begun, the goroutine out and computes.
	wants    bool        // input is wanted, to begin or to go on
	begun    bool        // the handshake has a goroutine, or waits for one
	input    chan []byte // one piece for each time that the goroutine waits
	out      []byte      // output to be sent when the goroutine waits again
	computes bool        // the goroutine has a place in computing
	local    net.Addr
	remote   net.Addr

	scheduling
}

// secure makes c an encrypted connection, by s.
func (c *Conn) secure(s *TLS) {
	t := &transport{c: c, cfg: s, client: s.Client}
	c.sec = shaking
	c.extra().tls = t
}

// shake begins the handshake of a connection that is established.
func (c *Conn) shake() {
	t := c.more.tls
	hs := t.hs
	if hs == nil { // Dial has made it already
		hs = &handshake{t: t}
		t.hs = hs
	}
	if !t.cfg.pool.enter(hs) {
		t.hs = nil
		c.drop(c.handshakeError(errWaiting))
		return
	}
	hs.ctx, hs.cancel = context.WithCancelCause(context.Background())
	hs.input = make(chan []byte, 1)
	if n := t.cfg.timeout(); n != 0 {
		if tick := c.loop.tickIn(n); c.deadline == 0 || int32(tick-c.deadline) < 0 {
			c.deadline = tick // a dial may have less time left
			c.schedule(tick)
		}
	}
	if c.in != nil { // an adopted connection may bring input: it belongs to the handshake
		hs.held = bytes.Clone(c.in.B[c.inOff:])
		c.dropInput()
	}
	c.touch()
	switch {
	case t.client:
		hs.begin()
	case len(hs.held) > 0:
		c.greet()
	default:
		hs.wants = true
	}
}

// handshakeInput takes input for a handshake.
func (c *Conn) handshakeInput(p []byte) {
	c.touch() // the interest may change: perhaps no input is wanted now
	hs := c.more.tls.hs
	hs.held = append(hs.held, p...)
	if hs.begun {
		hs.feed()
	} else {
		c.greet()
	}
	c.account()
}

// feed gives the goroutine the input that it waits for. It gives whole records only, so
// that a peer that sends byte by byte does not wake it for each. Input that comes before
// the goroutine waits is ready when it does, one piece of it: handshakeWants goes on.
func (hs *handshake) feed() {
	n := wholeRecords(hs.held)
	if n == 0 {
		return
	}
	hs.wants = false
	if len(hs.input) == 0 { // only the loop sends, so it never blocks here
		hs.input <- hs.take(n)
	}
}

// take takes n bytes of what is held.
func (hs *handshake) take(n int) []byte {
	p := hs.held[:n:n]
	hs.held = bytes.Clone(hs.held[n:])
	hs.t.kept.follow(p)
	hs.t.kept.shaken += n
	return p
}

// wholeRecords returns the length of the whole records at the beginning of p. Bytes
// that are no record count as whole: crypto/tls will reject them.
func wholeRecords(p []byte) int {
	n := 0
	for rest := p; len(rest) > 0; rest = p[n:] {
		if rest[0] < 20 || rest[0] > 24 {
			return len(p)
		}
		if len(rest) < recordHeader {
			break
		}
		size := recordHeader + int(rest[3])<<8 + int(rest[4])
		if size > maxRecord {
			return len(p)
		}
		if size > len(rest) {
			break
		}
		n += size
	}
	return n
}

// greet waits for a whole ClientHello, and then begins the handshake.
func (c *Conn) greet() {
	t := c.more.tls
	hs := t.hs
	switch b := hs.held; {
	case b[0] >= ' ' && b[0] < 0x7f && t.cfg.Plain != nil:
		c.unsecure(b)
	case wholeRecords(b) == 0 && len(b) < flightSize:
		hs.wants = true
	default:
		hs.begin()
	}
}

// unsecure gives the connection, whose first bytes are p, to Plain.
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
	hs.begun, hs.wants = true, true // a FIN has to be seen: who is gone must not keep a place in the queue
	hs.local, hs.remote = orNowhere(t.c.LocalAddr()), orNowhere(t.c.RemoteAddr())
	t.raw = hs.take(wholeRecords(hs.held))
	t.cfg.pool.begin(hs)
}

// orNowhere returns an empty address for nil: functions of the Config expect one, even
// of a connection that was reset meanwhile.
func orNowhere(a net.Addr) net.Addr {
	if a == nil {
		return &net.TCPAddr{}
	}
	return a
}

// compute waits for a place in computing. Places are given in order, one for each
// flight of messages, so that all handshakes advance evenly. Then it lets the loop go
// first if that has something to do on the same processor. Go's scheduler would run the
// handshake that gets a place before everything else, so that handshakes would follow
// each other and a loop have its turn once for sixty of them.
func (hs *handshake) compute() {
	computing <- struct{}{}
	runtime.Gosched()
	hs.computes = true
}

// stopComputing gives the place back.
func (hs *handshake) stopComputing() {
	if hs.computes {
		hs.computes = false
		<-computing
	}
}

// do runs the handshake, on its goroutine.
func (hs *handshake) do() error {
	if hs.ctx.Err() == nil {
		hs.t.tls = hs.t.cfg.conn(hs.t)
		if err := hs.t.tls.HandshakeContext(hs.ctx); err == nil || hs.ctx.Err() == nil {
			return err
		}
	}
	return context.Cause(hs.ctx)
}

// finish posts to the connection how the handshake has ended. v is a panic, or nil.
func (hs *handshake) finish(err error, v any) {
	if v != nil {
		err = panicked{"a function of the Config", v, stack.Panicked()}
	}
	c, out := hs.t.c, hs.out
	c.Post(func() { c.shaken(out, err) })
}

// A panicked is the panic of a function of the program, on a goroutine that is not the loop's.
type panicked struct {
	where string
	value any
	stack string
}

func (p panicked) Error() string { return fmt.Sprintf("panic in %s: %v", p.where, p.value) }

// await sends the handshake's output, and waits for input. Meanwhile others may
// compute, and the pool may end this handshake to make room for others.
func (hs *handshake) await() (p []byte, err error) {
	c, out := hs.t.c, hs.out
	hs.out = nil
	if err := c.Post(func() { c.handshakeWants(out) }); err != nil {
		return nil, err
	}
	hs.stopComputing()
	hs.t.cfg.pool.wait(hs)
	select {
	case p = <-hs.input:
	case <-hs.ctx.Done():
	}
	hs.t.cfg.pool.resume(hs)
	if hs.ctx.Err() != nil {
		return nil, context.Cause(hs.ctx)
	}
	hs.compute()
	return p, nil
}

// handshakeWants is the part of await that runs on the loop.
func (c *Conn) handshakeWants(out []byte) {
	if c.is(closed) {
		return
	}
	c.record(out)
	c.touch()
	hs := c.more.tls.hs
	hs.wants = true
	hs.feed() // input may be there already
	hs.t.kept.ran = true
	c.account()
}

// shaken handles the end of a handshake, on the loop.
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
		c.failHandshake(err)
		return
	}
	t := c.more.tls
	t.raw = append(t.raw, t.hs.held...)
	t.kept.follow(t.hs.held)
	c.endHandshake(true)
	c.sec = sealed
	c.timeout, c.deadline = 0, 0
	c.open()
}

// endHandshake gives back what a handshake holds.
func (c *Conn) endHandshake(done bool) {
	t := c.more.tls
	if t.hs == nil {
		return // the handshake has not begun
	}
	if hs := t.hs; hs.cancel != nil {
		hs.cancel(nil)
		t.cfg.pool.leave(hs, done)
	}
	if done || !t.hs.begun {
		t.hs = nil // else the goroutine still uses it: it may see only later that c has ended
	}
}

// handshakeTimeout ends a handshake whose time is over.
func (c *Conn) handshakeTimeout() {
	c.failHandshake(os.ErrDeadlineExceeded)
}
