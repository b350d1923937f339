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

	"github.com/lurcher-net/lurcher/poller"
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
	x := &dial{Dialer: d, network: network, addr: addr}
	if err := x.parse(l); err != nil {
		return nil, x.error(err)
	}
	if l.ending {
		return nil, x.error(net.ErrClosed)
	}
	c := l.newConn(-1, h, connecting|dialled)
	x.conn = c
	l.slots.at(c.slot).owner = x
	if c.more != nil && c.more.tls != nil {
		host, _ := x.hostPort()
		host, _, _ = strings.Cut(host, "%") // no certificate has a zone
		t := c.more.tls
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

// A dial is the state of a connection that is being established. It is the owner of the
// connection's slot until then, so that an established one has no room for it. Thousands may
// wait at a time: what only an attempt needs is in the attempt.
type dial struct {
	*Dialer
	conn     *Conn
	network  string
	addr     string       // host and port, or the path of a Unix socket
	ips      []netip.Addr // addresses still to be tried; shared with other dials
	lookup   *lookup      // the look-up that it waits for; guarded by the mutex of names
	place    int32        // its index in lookup.waiting; guarded by the mutex of names
	port     uint16
	looking  bool     // the look-up is not done
	begun    bool     // the first attempt was made
	attempts *attempt // attempts under way, the oldest first
	failure  *failure // of the first attempt that failed
}

// A failure is how an attempt failed.
type failure struct {
	addr net.Addr
	err  error
}

// dial returns the dial of a connection that is being established.
func (c *Conn) dial() *dial { return c.loop.slots.at(c.slot).owner.(*dial) }

func (d *dial) event(poller.Ready) {} // each attempt has a slot of its own
func (d *dial) expire()            { d.conn.expire() }
func (d *dial) stop(cause error)   { d.conn.stop(cause) }

// parse parses the address to be dialled.
func (d *dial) parse(l *Loop) (err error) {
	var host string
	switch d.network {
	case "unix":
		if d.addr == "" {
			return &net.AddrError{Err: "missing address"}
		}
	case "tcp", "tcp4", "tcp6":
		var port string
		if host, port, err = net.SplitHostPort(d.addr); err != nil {
			return err
		}
		n, err := strconv.ParseUint(port, 10, 16)
		d.port, d.looking = uint16(n), err != nil
	default:
		return net.UnknownNetworkError(d.network)
	}
	if err := d.checkLocal(); err != nil {
		return err
	}
	switch ip, err := netip.ParseAddr(host); {
	case d.network == "unix":
	case host == "": // this machine, as in package net
		d.ips = thisMachine
	case err == nil:
		d.ips = l.literal(ip.Unmap())
	default:
		d.looking = true
	}
	if d.Resolver != nil && !reflect.ValueOf(d.Resolver).Comparable() {
		return errResolver
	}
	return nil
}

// literal returns ip alone as a list, which is shared by the dials to one address in a row.
func (l *Loop) literal(ip netip.Addr) []netip.Addr {
	if len(l.dialling.ips) == 0 || l.dialling.ips[0] != ip {
		l.dialling.ips = []netip.Addr{ip}
	}
	return l.dialling.ips
}

// hostPort returns the host that is dialled, and the port, which may be the name of a service.
func (d *dial) hostPort() (host, port string) {
	if d.network != "unix" {
		host, port, _ = net.SplitHostPort(d.addr)
	}
	return host, port
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
	host, port := d.hostPort()
	q := question{d.Resolver, "ip" + strings.TrimPrefix(d.network, "tcp"), strings.ToLower(host), ""}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		q.service = port
	}
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
	if a.question.service != "" {
		d.port = a.port
	}
	d.ips = a.ips
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
	c.loop.slots.at(c.slot).owner = c
	c.clear(connecting)
	c.stall = 0
	if c.sec == plain {
		c.timeout, c.deadline = 0, 0
	}
	c.open()
}

// release gives back what the dial holds: its place with a look-up, and its attempts.
func (d *dial) release() {
	if d.looking {
		names.forget(d)
	}
	for d.attempts != nil {
		d.drop(d.attempts)
	}
}

// timedOut ends a dial whose time is over.
func (d *dial) timedOut() { d.failed(os.ErrDeadlineExceeded) }

// failed ends a connection that was never opened.
func (d *dial) failed(err error) { d.conn.fail(d.error(err)) }

// error returns err with the address of the first attempt that failed; if none has, with that of
// the last attempt.
func (d *dial) error(err error) error {
	e := &net.OpError{Op: "dial", Net: d.network, Source: d.LocalAddr, Err: err}
	switch {
	case d.failure != nil:
		e.Addr = d.failure.addr
	case d.network == "unix":
		e.Addr = &net.UnixAddr{Name: d.addr, Net: d.network}
	default:
		for a := d.attempts; a != nil; a = a.next {
			e.Addr = a.addr()
		}
	}
	return e
}
