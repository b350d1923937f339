// Client: settings for any number of loops, and a pool for each loop.

package client

import (
	"crypto/tls"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// A Client holds settings, and for each loop a [Pool] of connections. The zero value
// is ready for use. Its methods may be called from any goroutine. The fields must not
// change once On has been called. In each of them zero means the default, and a
// negative number means no limit.
type Client struct {
	// TLS configures https. The client uses copies, which offer only http/1.1, and
	// expect a certificate for the URL's host unless ServerName is set.
	TLS *tls.Config

	// Dialer opens the connections. DialTimeout replaces its Timeout.
	Dialer conn.Dialer

	// Connect, if it is set, opens the connections instead of Dialer: through a
	// proxy, over a Unix socket, or by code that blocks on a goroutine of its own. It
	// is called on the loop. addr is the origin's host and port. Make the connection
	// with the handler h, by Dial or [conn.Loop.Adopt] on that loop; under https h
	// encrypts it. If there will be no connection, call fail on the loop. A
	// connection that does not come within DialTimeout counts as failed, and is
	// closed if it comes later.
	Connect func(l *conn.Loop, addr string, h *conn.Handler, fail func(error))

	TLSTimeout      time.Duration // for a handshake alone; only DialTimeout
	DialTimeout     time.Duration // to resolve the name, to connect and to shake hands; 10 s
	WaitTimeout     time.Duration // for one of MaxConns to be free; 10 s
	WriteTimeout    time.Duration // without the server taking a byte of a request; 30 s
	ContinueTimeout time.Duration // for 100 Continue, before the body is sent without it; 1 s
	HeadTimeout     time.Duration // for the answer's head, from the end of the request (or when the server takes no more of it) or the last interim answer; 60 s
	BodyTimeout     time.Duration // for the next bytes of the answer's body, or for the program to ask for them; 60 s
	IdleTimeout     time.Duration // for a connection to be used again, or less if the server says so; 30 s
	MaxAge          time.Duration // age up to which a connection is used again; 10 min
	Timeout         time.Duration // for all of an exchange, from Do on; none

	// Pipeline is how many requests may be under way on a connection, their answers in
	// the same order; 1. Only requests that are safe (GET, HEAD, OPTIONS, TRACE), complete
	// when they are sent, and without "Connection: close" are sent behind others, which are
	// of that kind too, on a connection that the server has kept open after an answer. A new
	// connection is opened for as many as may share it. If a connection ends, the requests
	// whose answers were not due yet are sent on another. An aborted request's answer is
	// read and dropped. A slow answer delays those behind it, and one that nobody asked for
	// is recognised only if it has been received before the next request is sent.
	Pipeline int

	MaxConns     int   // connections to an origin, on a loop; 512
	MaxIdle      int   // idle connections to an origin, on a loop; 128
	MaxIdleLoop  int   // idle connections to all origins together, on a loop; 1024
	MaxIdleTotal int   // the same, on all loops together; none: loops then share no counter
	MaxWaiting   int   // requests to an origin that wait for one of MaxConns, on a loop; 4096
	MaxHead      int   // bytes of an answer's head; 64 KiB
	MaxFields    int   // field lines of a head; 256
	MaxInterim   int   // interim answers (1xx) to a request; 16
	MaxBody      int64 // bytes of an answer's body; none: Body has a limit of its own, and Stream and Pipe hold nothing
	MaxBacklog   int   // bytes of a request waiting to be sent when more is written; 16 MiB

	once    sync.Once
	limits  limits
	idle    atomic.Int64 // connections on all loops, if MaxIdleTotal bounds them
	tickets tls.ClientSessionCache
	mu      sync.Mutex                           // held to change pools
	pools   atomic.Pointer[map[*conn.Loop]*Pool] // copied to be changed, so that On takes no lock
}

// limits holds a client's settings with the defaults filled in. A time of 0 is no
// limit.
type limits struct {
	tls, dial, wait, write, cont, head, body, idle, age, total time.Duration

	conns, waiting                 int
	maxIdle, maxIdleLoop           int
	maxIdleTotal                   int // 0: none
	pipeline                       int
	maxHead, maxFields, maxInterim int
	maxBody                        int64
	backlog                        int
}

func (c *Client) prepare() {
	const tickets = 256 // of TLS, for origins that were asked lately
	c.tickets = tls.NewLRUClientSessionCache(tickets)
	c.limits = limits{
		tls:          max(c.TLSTimeout, 0),
		dial:         within(c.DialTimeout, 10*time.Second),
		wait:         within(c.WaitTimeout, 10*time.Second),
		write:        c.WriteTimeout,
		cont:         within(c.ContinueTimeout, time.Second),
		head:         within(c.HeadTimeout, time.Minute),
		body:         within(c.BodyTimeout, time.Minute),
		idle:         within(c.IdleTimeout, 30*time.Second),
		age:          within(c.MaxAge, 10*time.Minute),
		total:        max(c.Timeout, 0),
		conns:        most(c.MaxConns, 512),
		maxIdle:      most(c.MaxIdle, 128),
		maxIdleLoop:  most(c.MaxIdleLoop, 1024),
		maxIdleTotal: max(c.MaxIdleTotal, 0),
		waiting:      most(c.MaxWaiting, 4096),
		pipeline:     max(c.Pipeline, 1),
		maxHead:      min(most(c.MaxHead, 64<<10), 1<<30),
		maxFields:    min(most(c.MaxFields, usualFields), 1<<16),
		maxInterim:   most(c.MaxInterim, 16),
		maxBody:      most(c.MaxBody, math.MaxInt64),
		backlog:      most(c.MaxBacklog, conn.DefaultMax),
	}
}

// within returns a time limit, or 0 if there is none.
func within(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return max(d, 0)
}

// most returns another limit, or a very high one if there is none.
func most[T int | int64](n, def T) T {
	switch {
	case n == 0:
		return def
	case n < 0:
		return math.MaxInt >> 1
	}
	return n
}

// On returns the pool of l. It takes a lock only the first time for each loop. The
// client keeps a reference to the pool, and with it the loop, until the pool has been
// closed and the loop has stopped: see [Pool.Close].
func (c *Client) On(l *conn.Loop) *Pool {
	if m := c.pools.Load(); m != nil {
		if p := (*m)[l]; p != nil {
			return p
		}
	}
	c.once.Do(c.prepare)
	c.mu.Lock()
	defer c.mu.Unlock()
	m := make(map[*conn.Loop]*Pool)
	if old := c.pools.Load(); old != nil {
		for l, p := range *old {
			if !p.closed.Load() || l.Post(func() {}) == nil { // else nobody asks there any more
				m[l] = p
			}
		}
	}
	if m[l] == nil {
		m[l] = newPool(c, l)
		c.pools.Store(&m)
	}
	return m[l]
}

// CloseIdle closes the connections that are idle, on all loops. It does not wait for
// that.
func (c *Client) CloseIdle() {
	if m := c.pools.Load(); m != nil {
		for l, p := range *m {
			l.Post(p.CloseIdle)
		}
	}
}
