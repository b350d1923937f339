// exchange: a request and its answer, from Pool.Request to the last callback. It is
// recycled within its pool; programs hold handles, which become stale.

package client

import (
	"os"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/content"
)

// mostReplay is how much of a request is kept to be sent again.
const mostReplay = 64 << 10

type exchange struct {
	pool  *Pool
	o     *origin
	s     *session // the connection, from take to the answer's end
	gen   uint32   // generation: a handle with another one is stale
	send  sending
	read  reading
	flags flags
	more  *extra // what few exchanges need

	// The request.
	method, target string
	host           string
	fields         []byte // lines that the program set
	out            []byte // what was written, until it is given to a connection and need not be kept
	given          int    // bytes that the connection was given
	declared       int64  // Content-Length, -1: none
	written        int64  // content so far
	charged        int    // of out and held, for Loop.MaxMemory
	until          int64  // when Timeout is over, in nanoseconds; 0: never
	timer          *conn.Timer
	in             link[exchange] // in the origin's queue, or in a connection's line
	from           uint64         // where in a connection's input its answer cannot begin before: see session.unsolicited
	asked          func(r Response, err error)
	informed       func(r Response)
	onLost         func(e *Error) (url string)
	freed          func() // see internal/adapt

	// The answer.
	head     *head // while it is read, and while the program looks at it
	status   uint16
	moved    uint8  // connections that it was in line on, and lost
	interims uint32 // answers
	body     content.Reader
	received int64
	sink     func(p []byte, err error) // who takes the body; nil: it waits
}

// extra is state that most exchanges never need: thousands may wait for a connection.
type extra struct {
	userinfo  string
	held      []byte   // the body, while it waits for 100 Continue
	files     []file   // between the bytes of held, if there are any, or of out
	trailer   []byte   // lines of the trailer section
	draining  []func() // by OnDrain, where there is no connection to wait for
	connected func(c *conn.Conn, reused bool)
	spoilt    error // what Do's function gets, because of what the program did before
}

// extra returns the rare state, which it makes at the first call.
func (x *exchange) extra() *extra {
	if x.more == nil {
		x.more = new(extra)
	}
	return x.more
}

// file is a part of a body.
type file struct {
	f      *os.File
	off, n int64
	at     int // bytes go before it
}

type flags uint16

const (
	retried       flags = 1 << iota // its connection died: see lost
	reused                          // the connection had served a request before, or was idle
	unkept                          // some of what was written is not in out any more
	chunked                         // the body is
	ended                           // End was called
	closes                          // the connection is not to be used again
	upgrades                        // the request offers another protocol
	began                           // a byte of the answer has come
	paused                          // by Response.Pause
	hasConnection                   // fields of that name were set
	hasExpect
	hasUpgrade
	hasHost
	duplex  // the request goes on while the answer comes
	follows // it may be pipelined
	ghost   // it stands for one in line whose answer nobody wants any more
)

func (x *exchange) is(f flags) bool { return x.flags&f != 0 }
func (x *exchange) set(f flags)     { x.flags |= f }
func (x *exchange) clear(f flags)   { x.flags &^= f }

// launch sends the exchange to its origin, once it was asked for and has a head.
func (x *exchange) launch() {
	if x.read == unasked && x.asked != nil && x.send != composing {
		if d := x.pool.limits.total; d > 0 {
			x.until = x.pool.now() + int64(d)
		}
		x.pool.counts.requests.Add(1)
		if x.pool.limits.pipeline > 1 && x.mayFollow() {
			x.set(follows)
		}
		x.o.acquire(x)
	}
}

func (p *Pool) now() int64 { return p.loop.Now().UnixNano() }

// await limits the time in the queue. A connection that can be opened for x has a limit of
// its own.
func (x *exchange) await() {
	l := x.pool.limits
	d, err := l.wait, errWaitTime
	if x.o.open < l.conns {
		d = 0
	}
	if x.until != 0 {
		if left := time.Duration(x.until - x.pool.now()); d == 0 || left < d {
			d, err = left, errTotalTime
		}
	}
	if d != 0 {
		x.timer = x.pool.loop.After(d, func() { x.ends(&Error{Wait, false, err})() })
	}
}

func (x *exchange) stopTimer() {
	if x.timer != nil {
		x.timer.Stop()
		x.timer = nil
	}
}

// begin sends what was written so far, on the connection that x has got.
func (x *exchange) begin() {
	x.stopTimer()
	x.read = heading
	if x.until == isOver { // on another connection
		x.until = x.pool.now()
	}
	x.given = len(x.out)
	switch {
	case x.send == holding:
		x.s.conn.Write(x.out)
	case x.hasFiles():
		x.flush(x.out)
	default:
		x.s.conn.Write(x.out)
		if len(x.out) > mostReplay {
			x.forgetOut()
		}
	}
	x.arm()
	if x.send != holding {
		x.drained()
	}
}

// forgetOut drops what is kept to send x again.
func (x *exchange) forgetOut() {
	x.set(unkept)
	x.out = x.out[:0]
	if cap(x.out) > mostKept {
		x.out = nil
	}
	x.weigh()
}

// weigh counts for the loop's MaxMemory what x holds, unless that is little, and reports whether
// it may.
func (x *exchange) weigh() bool {
	n := cap(x.out)
	if x.more != nil {
		n += cap(x.more.held)
	}
	if n <= mostKept {
		n = 0
	}
	if n == x.charged {
		return true
	}
	more := n - x.charged
	x.charged = n
	return x.pool.loop.Charge(more) || more < 0
}

// flush gives the connection bytes, and the files between them.
func (x *exchange) flush(p []byte) {
	if !x.hasFiles() {
		x.s.conn.Write(p)
		return
	}
	from := 0
	for _, f := range x.more.files {
		x.s.conn.Write(p[from:f.at])
		x.s.conn.SendFile(f.f, f.off, f.n)
		from = f.at
	}
	x.s.conn.Write(p[from:])
	x.more.files = nil
	x.forgetOut()
}

func (x *exchange) hasFiles() bool { return x.more != nil && len(x.more.files) > 0 }

// goOn lets the body follow its head, which was held back.
func (x *exchange) goOn() {
	if x.send != holding {
		return
	}
	x.send = streaming
	if x.is(ended) {
		x.send = complete
	}
	held := x.extra().held
	x.keep(held)
	x.given += len(held)
	x.flush(held)
	x.more.held = nil
	x.weigh()
	x.arm()
	x.drained()
}

// keep copies what goes to the connection, to send it again on another.
func (x *exchange) keep(pieces ...[]byte) {
	for _, p := range pieces {
		switch {
		case x.is(unkept):
		case len(x.out)+len(p) > mostReplay:
			x.forgetOut()
		default:
			x.out = append(x.out, p...)
		}
	}
}

// stop ends the sending of a request whose answer came before its end.
func (x *exchange) stop() {
	if x.send != complete {
		x.send = stopped
		if x.more != nil {
			x.more.held = nil
		}
		x.weigh()
		x.closeFiles()
		x.drained()
	}
}

// drained calls the functions of OnDrain, later: there is room, or there will never be any,
// and then the next Write returns the error.
func (x *exchange) drained() {
	if x.more == nil {
		return
	}
	for _, fn := range x.more.draining {
		x.pool.loop.Post(fn)
	}
	x.more.draining = nil
}

func (x *exchange) closeFiles() {
	if x.more == nil {
		return
	}
	for _, f := range x.more.files {
		f.f.Close()
	}
	x.more.files = nil
}

// tellConn calls the function of OnConn, and reports whether the exchange still has s.
func (x *exchange) tellConn(s *session) bool {
	if x.more == nil || x.more.connected == nil {
		return true
	}
	q := Request{x, x.gen}
	fn := x.more.connected
	q.guard(func() { fn(s.conn, x.is(reused)) })
	return q.valid() && x.s == s
}

// arm sets the deadline of what the exchange waits for on its connection.
func (x *exchange) arm() {
	l := x.pool.limits
	var d time.Duration
	switch {
	case x.read == heading && x.send == holding:
		d = l.cont
	case x.read == heading && x.send != streaming: // stopped: the server takes no more
		d = l.head
	case x.read == bodying && !x.is(paused) && x.send != streaming, x.read == tunnel:
		d = l.body // while the request goes on, the server may be waiting for us
	}
	if x.until == isOver {
		return // the deadline is due, and input must not move it
	}
	if x.until != 0 {
		left := time.Duration(x.until - x.pool.now())
		if left <= 0 {
			left, x.until = 1, isOver
		}
		if d == 0 || left < d {
			d = left
		}
	}
	x.s.conn.SetDeadline(d)
}

// isOver is the time in exchange.until when a connection's deadline has been set for a time that is over.
const isOver = 1

// timeout is called when that deadline has passed.
func (x *exchange) timeout() {
	s := x.s
	var err error
	phase := x.phase()
	switch {
	case x.until != 0 && x.pool.now() >= x.until:
		err = errTotalTime
	case x.send == holding && x.read == heading:
		x.goOn()
	case x.read == heading && x.send != streaming && s.conn.Pending() == 0:
		err = errHeadTime
	case x.read == tunnel, x.read == bodying && !x.is(paused) && x.sink == nil && x.send != streaming:
		err = errTaken
	case x.read == bodying && !x.is(paused) && x.send != streaming:
		err = errBodyTime
	}
	if err == nil {
		x.arm()
		return
	}
	x.fail(&Error{Phase: phase, Err: err})
}

// phase returns the phase of the exchange, for an Error.
func (x *exchange) phase() Phase {
	switch {
	case x.read == unasked:
		return Prepare
	case x.read == queued:
		return Wait
	case x.read != heading && x.read != inLine:
		return Body
	case x.send >= complete && x.s != nil && x.s.conn.Pending() == 0:
		return Head
	}
	return Write
}

// situation returns the facts by which lost and reusable decide.
func (x *exchange) situation() situation {
	return situation{
		send: x.send, read: x.read,
		reused: x.is(reused), began: x.is(began), kept: !x.is(unkept), retried: x.is(retried),
		idempotent: idempotent(x.method),
		persist:    !x.is(closes),
	}
}
