// Dial: opening connections without blocking the loop. This file parses what is dialled; dial_lookup.go
// finds the addresses of a name, and dial_attempt.go tries them.

package conn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Defaults of a [Dialer].
const (
	DefaultDialTimeout   = 30 * time.Second
	DefaultFallbackDelay = 250 * time.Millisecond // RFC 8305 section 8: the recommended delay between attempts
)

// leastTry is the least time for each address when they are tried one after the other.
const leastTry = 2 * time.Second

// A Dialer opens connections. The zero Dialer is ready to use; [Loop.Dial] uses it. Many loops may
// share one, which must not be changed while it is in use.
type Dialer struct {
	// LocalAddr is the address to connect from: a *net.TCPAddr, or a *net.UnixAddr for network
	// "unix". A TCP address with an IP restricts the dial to addresses of its family. Default: the
	// kernel chooses.
	LocalAddr net.Addr

	// Control is called with each socket, on the loop's goroutine, before it is bound and connected, as
	// [net.Dialer]'s is. network is "tcp4", "tcp6" or "unix"; address is what it will connect to. It
	// must not block. An error ends the attempt at that address.
	Control func(network, address string, c syscall.RawConn) error

	// Resolver finds the addresses of a name. Its value must be comparable, as a pointer is. Default:
	// [net.DefaultResolver].
	Resolver Resolver

	// Timeout is how long it may take until the connection is established, including the look-up and,
	// with TLS, the handshake (see also [TLS].Timeout). [Conn.SetDeadline] replaces it. Default: 30
	// seconds; negative: for ever.
	Timeout time.Duration

	// FallbackDelay is the time between the start of one attempt and the next, which runs beside it (RFC
	// 8305 section 5). An attempt that fails starts the next at once. Default: 250 ms; negative: the
	// addresses are tried one after the other, each for its share of the time.
	FallbackDelay time.Duration

	// KeepAlive is how long the peer may be silent before the kernel probes whether it is still
	// there, and the time between two probes. Default: 15 seconds, as in [net.Dialer]; negative: no
	// probes.
	KeepAlive time.Duration
}

// A Resolver finds the addresses of a host. *[net.Resolver] is one. network is "ip", "ip4" or "ip6".
// It is called on a goroutine of its own, and should return when ctx ends: then nobody waits for the
// answer any more.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var zeroDialer Dialer

// Dial is [Dialer.Dial] of the zero Dialer.
func (l *Loop) Dial(network, addr string, h *Handler) (*Conn, error) {
	l.own("Loop.Dial")
	return zeroDialer.Dial(l, network, addr, h)
}

// Dial opens a connection on l to addr, which is as in [net.Dial], for network "tcp", "tcp4", "tcp6"
// or "unix". It belongs to the loop's goroutine and does not wait: Handler.Open is called when the
// connection is established, or Handler.Close with a *[net.OpError] when it cannot be. What is written
// before Open is sent after it. An error of Dial itself means that addr cannot be dialled at all.
//
// The addresses of a name are raced by RFC 8305 ("happy eyeballs"). Families alternate. When an attempt
// takes longer than FallbackDelay, the next address is tried beside it. The first connection to be
// established wins, and the others are closed. Look-ups run on goroutines, 64 at a time in the whole
// process. Equal names that are dialled at the same time share one look-up, and its answer is used for
// five seconds. A look-up is cancelled when the last connection that waits for it is closed.
//
// With Handler.TLS the connection handshakes as a client; an empty ServerName means the host of addr.
func (d *Dialer) Dial(l *Loop, network, addr string, h *Handler) (*Conn, error) {
	x := &dial{Dialer: d, network: network}
	if err := x.parse(addr); err != nil {
		return nil, x.error(err)
	}
	if l.ending {
		return nil, x.error(net.ErrClosed)
	}
	c := l.newConn(-1, h, connecting|dialled)
	x.conn = c
	c.extra().dial = x
	if t := c.more.tls; t != nil {
		host, _, _ := strings.Cut(x.host, "%") // no certificate has a zone
		t.client, t.hs = true, &handshake{t: t, host: host}
	}
	switch {
	case d.Timeout == 0:
		c.SetDeadline(DefaultDialTimeout)
	default:
		c.SetDeadline(d.Timeout)
	}
	if x.looking {
		names.ask(x)
	} else {
		c.later()
	}
	return c, nil
}

// A dial is the state of a connection that is being established.
type dial struct {
	*Dialer
	conn    *Conn
	network string
	path    string // of a Unix socket, until it is tried
	host    string
	service string // the port, where that is a name
	port    uint16
	ips     []netip.Addr // addresses still to be tried; shared with other dials

	looking  bool       // the look-up is not done
	lookup   *lookup    // the look-up that it waits for; guarded by the mutex of names
	place    int        // its index in lookup.waiting; guarded by the mutex of names
	begun    bool       // the first attempt was made
	attempts []*attempt // attempts under way, the oldest first
	addr     net.Addr   // the address of the first attempt that failed; if none has, of the last attempt
	err      error      // the error of the first attempt that failed
}

// parse parses the address to be dialled.
func (d *dial) parse(addr string) (err error) {
	switch d.network {
	case "unix":
		d.path, d.addr = addr, &net.UnixAddr{Name: addr, Net: d.network}
		if addr == "" {
			return &net.AddrError{Err: "missing address"}
		}
	case "tcp", "tcp4", "tcp6":
		var port string
		if d.host, port, err = net.SplitHostPort(addr); err != nil {
			return err
		}
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			d.port = uint16(n)
		} else {
			d.service, d.looking = port, true
		}
	default:
		return net.UnknownNetworkError(d.network)
	}
	if err := d.checkLocal(); err != nil {
		return err
	}
	switch ip, err := netip.ParseAddr(d.host); {
	case d.path != "":
	case d.host == "": // this machine, as in package net
		d.ips = thisMachine
	case err == nil:
		d.ips = []netip.Addr{ip.Unmap()}
	default:
		d.looking = true
	}
	if d.Resolver != nil && !reflect.ValueOf(d.Resolver).Comparable() {
		return errResolver
	}
	return nil
}

var thisMachine = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

var errResolver = errors.New("conn: Dialer.Resolver cannot be compared with others: use a pointer")

// checkLocal checks that LocalAddr is of the network's kind.
func (d *dial) checkLocal() error {
	ok := true
	switch a := d.LocalAddr.(type) {
	case nil:
	case *net.TCPAddr:
		ok = d.network != "unix" && a != nil
	case *net.UnixAddr:
		ok = d.network == "unix" && a != nil
	default:
		ok = false
	}
	if !ok {
		return &net.AddrError{Err: "mismatched local address type", Addr: reflect.TypeOf(d.LocalAddr).String()}
	}
	return nil
}

// takes reports whether ip is of the network's family, and of LocalAddr's.
func (d *dial) takes(ip netip.Addr) bool {
	if d.network != "tcp" && ip.Is4() != (d.network == "tcp4") {
		return false
	}
	if a, ok := d.LocalAddr.(*net.TCPAddr); ok && len(a.IP) > 0 && !a.IP.IsUnspecified() {
		return ip.Is4() == (a.IP.To4() != nil)
	}
	return true
}

// question returns what has to be looked up.
func (d *dial) question() question {
	q := question{d.Resolver, "ip" + strings.TrimPrefix(d.network, "tcp"), strings.ToLower(d.host), d.service}
	if d.Resolver == nil {
		q.resolver = net.DefaultResolver
	}
	return q
}

// resolved takes the answer of the look-up.
func (d *dial) resolved(a *answer) {
	if d.conn.is(closed) {
		return
	}
	d.looking = false
	if d.service != "" {
		d.port = a.port
	}
	d.ips, d.err = a.ips, a.err
	if a.err != nil {
		d.failed(a.err)
		return
	}
	d.begin()
}

// begin makes the first attempt, once there are addresses. Conn.again may call it more often: that has no
// effect.
func (d *dial) begin() {
	if !d.looking && !d.begun {
		d.begun = true
		d.next()
	}
}

// connected gives the connection the socket of the attempt that won.
func (d *dial) connected(a *attempt) {
	c := d.conn
	c.fd, c.want = int32(a.fd), unwatched
	a.fd = -1
	d.release()
	c.clear(connecting)
	c.stall = 0
	if c.sec == plain {
		c.timeout, c.deadline = 0, 0
	}
	if x := c.more; x.pipe == nil && x.queue == nil && x.waiting == nil && x.tls == nil && !x.abrupt {
		c.more = nil
	} else {
		x.dial = nil
	}
	c.open()
}

// release gives back what the dial holds: its place with a look-up, and its attempts.
func (d *dial) release() {
	if d.looking {
		names.forget(d)
	}
	for len(d.attempts) > 0 {
		d.drop(d.attempts[0])
	}
}

// timedOut ends a dial whose time is over.
func (d *dial) timedOut() { d.failed(os.ErrDeadlineExceeded) }

// failed ends a connection that was never opened.
func (d *dial) failed(err error) { d.conn.fail(d.error(err)) }

func (d *dial) error(err error) error {
	return &net.OpError{Op: "dial", Net: d.network, Source: d.LocalAddr, Addr: d.addr, Err: err}
}
