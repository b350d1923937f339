// origin: the connections to one scheme, host and port, and who waits for one.

package client

import (
	"crypto/tls"
	"errors"
	"net"
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
	idle      sessions
	dialling  sessions
	open      int // connections, idle, dialling, busy or about to be closed
	waiting   queue
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

// handshake is the limit as conn.TLS has it.
func (l *limits) handshake() time.Duration {
	if l.tls == 0 {
		return -1
	}
	return l.tls
}

// config is the TLS configuration for a host.
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
		for s := o.idle.first; s != nil; s = o.idle.first {
			if s.unlist(); s.usable() {
				s.take(x)
				return
			}
			s.drop()
		}
	}
	if o.waiting.n-o.dialling.n >= o.pool.limits.waiting {
		x.failLater(&Error{Wait, false, ErrWaiting})
		return
	}
	o.waiting.push(x)
	x.read = queued
	x.await()
	if o.open >= o.pool.limits.conns && o.idle.last != nil {
		o.idle.last.drop() // x wants a new one
	}
	o.pump()
}

// pump opens as many connections as there are requests that wait for one.
func (o *origin) pump() {
	for o.dialling.n < o.waiting.n && o.open < o.pool.limits.conns {
		if err := o.dial(); err != nil {
			o.pool.loop.Post(o.waiting.pop(nil).elsewhere(dialError(err)))
		}
	}
}

// trim stops dials whose request has been aborted. A dial whose request was served by
// another connection goes on: it will be of use.
func (o *origin) trim() {
	for o.dialling.n > o.waiting.n {
		o.dialling.first.drop()
	}
}

// dial begins to open a connection.
func (o *origin) dial() error {
	p := o.pool
	s := &session{o: o, state: dialling}
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
	o.dialling.push(s)
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
	p.client.Connect(p.loop, o.addr, &h, fail)
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
		if x := o.waiting.pop(s); x != nil {
			s.take(x)
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
		o.idle.last.drop()
	}
	s.state = idle
	o.idle.push(s)
	s.conn.SetDeadline(s.idleFor())
}

func (o *origin) closeIdle() {
	for o.idle.first != nil {
		o.idle.first.drop()
	}
}

// letDown fails one of the waiting exchanges because a connection could not be opened.
// It fails none if enough connections for all of them are still being opened.
func (o *origin) letDown(err error) (tell func()) {
	if o.waiting.n <= o.dialling.n {
		return func() {}
	}
	return o.waiting.pop(nil).elsewhere(dialError(err))
}

// dialError returns the phase in which a dial failed, in an Error.
func dialError(err error) *Error {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return &Error{Resolve, false, err}
	case errors.As(err, &op) || err == errDialTime || errors.Is(err, net.ErrClosed):
		return &Error{Dial, false, err}
	}
	return &Error{TLS, false, err}
}

// idleFor is how long s may be idle: less than the server waits, for a request
// that crosses its FIN is lost.
func (s *session) idleFor() time.Duration {
	d := s.o.pool.limits.idle
	if s.hint > 0 && (d == 0 || s.hint < d) {
		return s.hint
	}
	return d
}

// sessions is a list of sessions.
type sessions struct {
	first, last *session
	n           int
}

func (l *sessions) push(s *session) {
	s.next = l.first
	if l.first != nil {
		l.first.prev = s
	} else {
		l.last = s
	}
	l.first = s
	l.n++
}

func (l *sessions) remove(s *session) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		l.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		l.last = s.prev
	}
	s.prev, s.next = nil, nil
	l.n--
}

// A queue holds exchanges that wait for a connection, in the order in which they came.
type queue struct {
	first, last *exchange
	n           int
}

func (l *queue) push(x *exchange) {
	x.prev = l.last
	if l.last != nil {
		l.last.next = x
	} else {
		l.first = x
	}
	l.last = x
	l.n++
}

func (l *queue) remove(x *exchange) {
	if x.prev != nil {
		x.prev.next = x.next
	} else {
		l.first = x.next
	}
	if x.next != nil {
		x.next.prev = x.prev
	} else {
		l.last = x.prev
	}
	x.prev, x.next = nil, nil
	l.n--
}

// pop removes the first exchange that s may serve. An exchange whose connection died
// gets only a new one.
func (l *queue) pop(s *session) *exchange {
	x := l.first
	for x != nil && s != nil && s.used && x.is(retried) {
		x = x.next
	}
	if x != nil {
		l.remove(x)
		x.read = unasked
	}
	return x
}
