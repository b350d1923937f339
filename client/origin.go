// origin: the connections to one scheme, host and port, and who waits for one.

package client

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// An origin knows all of its connections that may get a request: those that are
// idle, the one used last first, and those that are being opened. A connection that
// serves a request is known by that alone.
type origin struct {
	pool      *Pool
	addr      string // host and port
	name      string // the host alone
	spellings []string
	handler   *conn.Handler
	idle      list[session]
	dialling  list[session]
	roomy     list[session] // busy, and with room for another request: see session.offer
	open      int           // connections, idle, dialling, busy or about to be closed
	waiting   list[exchange]
	safe      int // how many of those may be pipelined
}

// mostHandshakes bounds the goroutines of handshakes with one origin.
const mostHandshakes = 256

func newOrigin(p *Pool, key, addr, name string, secure bool) *origin {
	o := &origin{pool: p, addr: addr, name: name, handler: &p.plain}
	if secure {
		h := p.handler(&conn.TLS{Config: p.client.config(name), Client: true, Timeout: p.limits.handshake(), Handshakes: mostHandshakes})
		o.handler = &h
	}
	return o
}

// handshake returns the limit as conn.TLS has it.
func (l *limits) handshake() time.Duration {
	if l.tls == 0 {
		return -1
	}
	return l.tls
}

// config returns the TLS configuration for a host.
func (c *Client) config(name string) *tls.Config {
	cfg := &tls.Config{}
	if c.TLS != nil {
		cfg = c.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = name
	}
	cfg.NextProtos = []string{"http/1.1"}
	if cfg.ClientSessionCache == nil {
		cfg.ClientSessionCache = c.tickets
	}
	return cfg
}

// acquire finds a connection for x, now or later.
func (o *origin) acquire(x *exchange) {
	if !x.is(retried) {
		for e := o.idle.first; e != nil; e = o.idle.first {
			s := e.of
			if s.unlist(); s.usable() {
				s.take(x)
				return
			}
			s.drop()
		}
	}
	if o.roomy.n > 0 && o.waiting.n == 0 && x.is(follows) {
		o.roomy.first.of.follow(x)
		return
	}
	if l := o.pool.limits; o.waiting.n-o.dialling.n*l.pipeline >= l.waiting {
		x.failLater(&Error{Wait, false, ErrWaiting})
		return
	}
	o.enqueue(x)
	x.await()
	if o.open >= o.pool.limits.conns && o.idle.last != nil {
		o.idle.last.of.drop() // x wants a new one
	}
	o.pump()
}

// pump opens as many connections as the requests that wait could use.
func (o *origin) pump() {
	for o.dialling.n < o.wanted() && o.open < o.pool.limits.conns {
		if err := o.dial(); err != nil {
			o.pool.loop.Post(o.pop(nil).elsewhere(dialError(err)))
		}
	}
}

// trim stops dials whose request has been aborted. A dial whose request was served by
// another connection goes on: it will be of use.
func (o *origin) trim() {
	for o.dialling.n > o.wanted() {
		o.dialling.first.of.drop()
	}
}

// dial begins to open a connection.
func (o *origin) dial() error {
	p := o.pool
	s := &session{o: o, state: dialling}
	s.in.of, s.aged.of = s, s
	if p.client.Connect == nil {
		c, err := p.client.Dialer.Dial(p.loop, "tcp", o.addr, o.handler)
		if err != nil {
			return err
		}
		s.conn, c.State = c, s
		if p.limits.dial > 0 {
			c.SetDeadline(p.limits.dial)
		}
	}
	o.open++
	o.dialling.pushFront(&s.in)
	p.counts.dials.Add(1)
	if p.client.Connect != nil {
		o.connect(s)
	}
	return nil
}

// connect makes the program open a connection for s, by Client.Connect.
func (o *origin) connect(s *session) {
	p, h := o.pool, *o.handler
	var timer *conn.Timer
	stopTimer := func() {
		if timer != nil {
			timer.Stop() // the loop does not stop while a timer runs
		}
	}
	fail := func(err error) {
		if err == nil {
			err = errNoConn
		}
		stopTimer()
		if s.state == dialling && s.conn == nil {
			s.closedBy(err)
		}
	}
	if p.limits.dial > 0 {
		timer = p.loop.After(p.limits.dial, func() { fail(errDialTime) })
	}
	// Only the first connection with the handler h is used.
	h.Open = func(c *conn.Conn) {
		stopTimer()
		if s.state != dialling || s.conn != nil {
			c.State = &session{o: o, conn: c, state: gone}
			c.Abort()
			return
		}
		s.conn, c.State = c, s
		s.opened()
	}
	h.Close = func(c *conn.Conn, err error) {
		if t, ok := c.State.(*session); ok {
			if t == s {
				s.closedBy(err)
			}
			return
		}
		fail(err)
	}
	done := false
	defer func() {
		if !done { // it panicked, or ended the goroutine
			p.loop.Post(func() { fail(errConnect) })
		}
	}()
	p.client.Connect(p.loop, o.addr, &h, fail)
	done = true
}

// serve gives a connection that may be used to whoever has waited longest, or keeps
// it.
func (o *origin) serve(s *session) {
	l := o.pool.limits
	if o.waiting.n > 0 {
		if s.used && !s.usable() {
			s.drop()
			return
		}
		if x := o.pop(s); x != nil {
			s.take(x)
			o.spread()
		} else { // all that wait have lost a used connection, and want a new one
			s.drop()
		}
		return
	}
	switch {
	case o.pool.closed.Load():
		s.drop()
		return
	case o.idle.n >= l.maxIdle:
		o.idle.last.of.drop()
	case o.pool.idle.n >= l.maxIdleLoop:
		o.pool.idle.last.of.drop()
	}
	s.state, s.since, s.used = idle, o.pool.now(), true
	if l.maxIdleTotal > 0 {
		s.since = time.Now().UnixNano() // loops count their ticks from different times
	}
	o.idle.pushFront(&s.in)
	o.pool.idle.pushFront(&s.aged)
	s.conn.SetDeadline(s.idleFor())
	o.pool.counted(1)
}

func (o *origin) closeIdle() {
	for o.idle.first != nil {
		o.idle.first.of.drop()
	}
}

// letDown fails the waiting exchanges that a connection would have served, because it could
// not be opened: one, or as many as may be pipelined. It fails none if enough connections
// for all of them are still being opened.
func (o *origin) letDown(err error) (tell func()) {
	if o.wanted() <= o.dialling.n {
		return func() {}
	}
	first := o.pop(nil)
	follow := first.is(follows)
	tells := []func(){first.elsewhere(dialError(err))}
	for n := 1; follow && n < o.pool.limits.pipeline && o.waiting.n > 0 && o.waiting.first.of.is(follows); n++ {
		tells = append(tells, o.pop(nil).elsewhere(dialError(err)))
	}
	return func() {
		for _, tell := range slices.Backward(tells) {
			defer tell() // the first one first, and all of them if one panics
		}
	}
}

// dialError returns the phase in which a dial failed, in an Error.
func dialError(err error) *Error {
	var shake *conn.HandshakeError
	var dns *net.DNSError
	switch {
	case errors.As(err, &shake):
		return &Error{TLS, false, err}
	case errors.As(err, &dns):
		return &Error{Resolve, false, err}
	}
	return &Error{Dial, false, err}
}

// idleFor returns how long s may be idle: less than the server waits, for a request
// that crosses its FIN is lost.
func (s *session) idleFor() time.Duration {
	d := s.o.pool.limits.idle
	if s.hint > 0 && (d == 0 || s.hint < d) {
		return s.hint
	}
	return d
}

// enqueue makes x wait for a connection.
func (o *origin) enqueue(x *exchange) {
	x.read = queued
	o.waiting.pushBack(&x.in)
	if x.is(follows) {
		o.safe++
	}
}

func (o *origin) dequeue(x *exchange) {
	x.read = unasked
	o.waiting.remove(&x.in)
	if x.is(follows) {
		o.safe--
	}
}

// pop removes the first exchange that s may serve. An exchange whose connection died
// gets only a new one.
func (o *origin) pop(s *session) *exchange {
	for e := o.waiting.first; e != nil; e = e.next {
		if x := e.of; s == nil || !s.used || !x.is(retried) {
			o.dequeue(x)
			return x
		}
	}
	return nil
}

// wanted returns how many connections would serve those that wait.
func (o *origin) wanted() int {
	per := o.pool.limits.pipeline
	return o.waiting.n - o.safe + (o.safe+per-1)/per
}
