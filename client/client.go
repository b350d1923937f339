// Client: the settings that any number of loops share, and the pool of each.

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
// is ready for use. Its methods may be called from any goroutine; the fields are to
// be left alone once On was called. Zero means the default, and a negative number
// that there is no limit.
type Client struct {
	// TLS is for https. Copies are made, which offer http/1.1 alone, and expect the
	// name of the URL's host unless ServerName says otherwise.
	TLS *tls.Config

	// Dialer opens the connections; DialTimeout takes the place of its Timeout.
	Dialer conn.Dialer

	// Connect, if set, opens them in its place: through a proxy, over a Unix socket,
	// by code that blocks on a goroutine of its own. It is called on the loop. addr is
	// the origin's host and port. The connection has to have h, by Dial or
	// [conn.Loop.Adopt] on that loop; under https h encrypts it. fail says, on the
	// loop and in place of a connection, that there will be none. One that does not
	// come within DialTimeout counts as failed, and is closed should it come later.
	Connect func(l *conn.Loop, addr string, h *conn.Handler, fail func(error))

	TLSTimeout      time.Duration // for a handshake alone; none beside DialTimeout
	DialTimeout     time.Duration // to resolve the name, to connect and to shake hands; 10 s
	WaitTimeout     time.Duration // for one of MaxConns to be free; 10 s
	WriteTimeout    time.Duration // for the server to take anything of a request; 30 s
	ContinueTimeout time.Duration // for 100 Continue, before the body is sent without it; 1 s
	HeadTimeout     time.Duration // for the answer's head, from the request's end on, or from an interim answer; 60 s
	BodyTimeout     time.Duration // for the next bytes of the answer's body, or for the program to ask for them; 60 s
	IdleTimeout     time.Duration // for a connection to be used again, or less if the server says so; 30 s
	MaxAge          time.Duration // of a connection that is used again; 10 min
	Timeout         time.Duration // for all of an exchange, from Do on; none

	MaxConns   int   // connections to an origin, on a loop; 512
	MaxIdle    int   // of those that are idle; 128
	MaxWaiting int   // requests to an origin that wait for one of MaxConns, on a loop; 4096
	MaxHead    int   // bytes of an answer's head; 64 KiB
	MaxFields  int   // field lines of a head; 256
	MaxInterim int   // interim answers (1xx) to a request; 16
	MaxBody    int64 // bytes of an answer's body; none: Body has a limit of its own, and Stream and Pipe hold nothing
	MaxBacklog int   // bytes of a request that may wait when more is written; 16 MiB

	once    sync.Once
	limits  limits
	tickets tls.ClientSessionCache
	mu      sync.Mutex                           // who changes pools
	pools   atomic.Pointer[map[*conn.Loop]*Pool] // copied to be changed, so that On takes no lock
}

// limits are a client's settings with the defaults filled in, and 0 for those times
// that have no limit.
type limits struct {
	tls, dial, wait, write, cont, head, body, idle, age, total time.Duration

	conns, maxIdle, waiting        int
	maxHead, maxFields, maxInterim int
	maxBody                        int64
	backlog                        int
}

func (c *Client) prepare() {
	const tickets = 256 // of TLS, for origins that were asked lately
	c.tickets = tls.NewLRUClientSessionCache(tickets)
	c.limits = limits{
		tls:        max(c.TLSTimeout, 0),
		dial:       within(c.DialTimeout, 10*time.Second),
		wait:       within(c.WaitTimeout, 10*time.Second),
		write:      c.WriteTimeout,
		cont:       within(c.ContinueTimeout, time.Second),
		head:       within(c.HeadTimeout, time.Minute),
		body:       within(c.BodyTimeout, time.Minute),
		idle:       within(c.IdleTimeout, 30*time.Second),
		age:        within(c.MaxAge, 10*time.Minute),
		total:      max(c.Timeout, 0),
		conns:      most(c.MaxConns, 512),
		maxIdle:    most(c.MaxIdle, 128),
		waiting:    most(c.MaxWaiting, 4096),
		maxHead:    min(most(c.MaxHead, 64<<10), 1<<30),
		maxFields:  min(most(c.MaxFields, 256), 1<<16),
		maxInterim: most(c.MaxInterim, 16),
		maxBody:    most(c.MaxBody, math.MaxInt64),
		backlog:    most(c.MaxBacklog, conn.DefaultMax),
	}
}

// within is a time limit: 0 if there is none.
func within(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return max(d, 0)
}

// most is another limit: a far one if there is none.
func most[T int | int64](n, def T) T {
	switch {
	case n == 0:
		return def
	case n < 0:
		return math.MaxInt >> 1
	}
	return n
}

// On returns the pool of l. It takes no lock but the first time for each loop. The
// client keeps the pool, and with it the loop, until that has ended, if the pool was
// closed before: see [Pool.Close].
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

// CloseIdle closes the connections that are idle, on all loops, soon.
func (c *Client) CloseIdle() {
	if m := c.pools.Load(); m != nil {
		for l, p := range *m {
			l.Post(p.CloseIdle)
		}
	}
}
