// Attempts: the addresses of a dial are tried side by side, by RFC 8305 section 5. Each attempt has a
// socket and a slot of its own until one of them wins.

package conn

import (
	"net"
	"net/netip"
	"os"

	"github.com/lurcher-net/lurcher/internal/sys"
	"github.com/lurcher-net/lurcher/poller"
)

const (
	// maxAttempts is how many addresses of a dial are tried at a time: one more ends the oldest.
	maxAttempts = 8

	// mostSpare is how many attempts a loop keeps to use again.
	mostSpare = 256

	// againAttempts is how often an attempt is repeated after EADDRNOTAVAIL, which Linux sometimes
	// returns although ports are left: package net does the same.
	againAttempts = 2

	// unwatched is an interest that a connection never has, so that interest updates the poller.
	unwatched = ^poller.Ready(0)
)

// An attempt is one address being tried. It is an owner of a slot. Once it is over it is used again.
type attempt struct {
	d    *dial
	next *attempt
	to   netip.AddrPort // but for a Unix socket
	fd   int            // -1: none yet, or not any more
	slot uint32
}

// dialling is what the dials of a loop share.
type dialling struct {
	ips   []netip.Addr // see literal
	spare []*attempt
	to4   sockAddr4 // where the attempt that is being started goes
	to6   sockAddr6
}

// next makes attempts until one is under way. If no address is left, the dial fails with the last attempt
// under way.
func (d *dial) next() {
	c := d.conn
	for !c.is(closed) {
		to, ok := d.nextAddr()
		if !ok {
			if d.attempts == nil {
				d.exhausted()
			}
			return
		}
		a := d.try(to)
		err := a.start()
		if err == nil {
			d.setDelay()
			return
		}
		d.lost(a, err)
	}
}

// try adds an attempt to those under way.
func (d *dial) try(to netip.AddrPort) (a *attempt) {
	n, end := 0, &d.attempts
	for ; *end != nil; end = &(*end).next {
		n++
	}
	l := d.conn.loop
	if k := len(l.dialling.spare); k > 0 {
		a = l.dialling.spare[k-1]
		l.dialling.spare = l.dialling.spare[:k-1]
	} else {
		a = new(attempt)
	}
	*a = attempt{d: d, to: to, fd: -1}
	*end = a
	if n == maxAttempts {
		d.lost(d.attempts, os.ErrDeadlineExceeded)
	}
	return a
}

// nextAddr takes the address to be tried next, and reports whether there is one. That of a Unix socket is not
// returned.
func (d *dial) nextAddr() (to netip.AddrPort, ok bool) {
	if d.network == "unix" {
		return to, d.attempts == nil && d.failure == nil
	}
	for len(d.ips) > 0 {
		ip := d.ips[0]
		if d.ips = d.ips[1:]; d.takes(ip) {
			return netip.AddrPortFrom(ip, d.port), true
		}
	}
	return to, false
}

// exhausted ends a dial that has no address left.
func (d *dial) exhausted() {
	if d.failure == nil {
		host, _ := d.hostPort()
		d.failed(&net.AddrError{Err: "no suitable address", Addr: host})
		return
	}
	d.failed(d.failure.err)
}

// setDelay sets the time of the next attempt, if there is an address for one.
func (d *dial) setDelay() {
	c := d.conn
	c.stall = 0
	others := 0
	for _, ip := range d.ips {
		if d.takes(ip) {
			others++
		}
	}
	if others == 0 {
		return
	}
	delay := ticks(DefaultFallbackDelay)
	switch {
	case d.FallbackDelay > 0:
		delay = ticks(d.FallbackDelay)
	case d.FallbackDelay < 0: // its share of the time
		left := ticks(DefaultDialTimeout)
		if c.deadline != 0 {
			left = uint32(max(int32(c.deadline-c.loop.now), 0))
		}
		delay = max(left/uint32(others+1), ticks(leastTry))
	}
	c.stall = c.loop.tickIn(delay)
	c.schedule(c.stall)
}

// delayed makes the next attempt, when the last one has had its delay.
func (d *dial) delayed() {
	d.conn.stall = 0
	if d.FallbackDelay < 0 && d.attempts != nil {
		d.lost(d.attempts, os.ErrDeadlineExceeded)
	}
	d.next()
}

// start makes the socket and begins to connect it. It stores the socket in a before it calls Control, which
// may panic.
func (a *attempt) start() error {
	d := a.d
	family, to, err := a.sockaddr()
	if err != nil {
		return err
	}
	if a.fd, err = socket(family); err != nil {
		a.fd = -1
		return os.NewSyscallError("socket", err)
	}
	opened(a.fd)
	if family != sys.AF_UNIX {
		setTCPOptions(a.fd)
		setKeepAlive(a.fd, d.KeepAlive)
	}
	if d.Control != nil {
		network := map[int]string{sys.AF_INET: "tcp4", sys.AF_INET6: "tcp6", sys.AF_UNIX: "unix"}[family]
		if err := d.Control(network, a.addr().String(), rawConn(a.fd)); err != nil {
			return err
		}
		if d.conn.is(closed) { // from within Control
			return net.ErrClosed
		}
	}
	if d.LocalAddr != nil {
		if err := bindTo(a.fd, family, d.LocalAddr); err != nil {
			return err
		}
	}
	err = connect(a.fd, to)
	for range againAttempts {
		if err == sys.EADDRNOTAVAIL {
			err = connect(a.fd, to)
		}
	}
	if err != nil {
		return os.NewSyscallError("connect", err)
	}
	// Wait for the event even if it is established already: Open is never called within Dial.
	l := d.conn.loop
	a.slot = l.slots.alloc(a)
	return l.poll.Add(a.fd, l.slots.token(a.slot), poller.Write)
}

// addr returns the address as package net has it.
func (a *attempt) addr() net.Addr {
	if a.d.network == "unix" {
		return &net.UnixAddr{Name: a.d.addr, Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a.to)
}

// sockaddr returns the address for the kernel, in memory that the loop's attempts share.
func (a *attempt) sockaddr() (family int, sa sockAddr, err error) {
	l, ip := a.d.conn.loop, a.to.Addr()
	switch {
	case a.d.network == "unix":
		return sys.AF_UNIX, &sockAddrUnix{Name: a.d.addr}, nil
	case ip.Is4():
		l.dialling.to4 = sockAddr4{Port: int(a.to.Port()), Addr: ip.As4()}
		return sys.AF_INET, &l.dialling.to4, nil
	}
	l.dialling.to6 = sockAddr6{Port: int(a.to.Port()), Addr: ip.As16()}
	l.dialling.to6.ZoneId, err = zone(ip.Zone())
	return sys.AF_INET6, &l.dialling.to6, err
}

// lost ends an attempt that has failed.
func (d *dial) lost(a *attempt, err error) {
	if d.failure == nil {
		d.failure = &failure{a.addr(), err}
	}
	d.drop(a)
}

// drop gives back what an attempt holds, and the attempt.
func (d *dial) drop(a *attempt) {
	l := d.conn.loop
	for at := &d.attempts; *at != nil; at = &(*at).next {
		if *at == a {
			*at = a.next
			break
		}
	}
	if a.slot != 0 {
		if a.fd >= 0 {
			l.poll.Del(a.fd)
		}
		l.slots.release(a.slot)
	}
	if a.fd >= 0 {
		l.fds = append(l.fds, a.fd)
	}
	*a = attempt{fd: -1}
	if len(l.dialling.spare) < mostSpare {
		l.dialling.spare = append(l.dialling.spare, a)
	}
}

// event is part of owner: the connect may have succeeded or failed.
func (a *attempt) event(poller.Ready) {
	d := a.d
	c := d.conn
	c.loop.running = c
	if c.is(closed) {
		return
	}
	err := a.outcome()
	switch err {
	case nil:
		d.connected(a)
	case sys.EINPROGRESS:
	default:
		d.lost(a, os.NewSyscallError("connect", err))
		d.next()
	}
}

// outcome returns the result of the connect: nil, an error, or EINPROGRESS if there is none yet.
//
// If nobody listens at the port dialled, the kernel may give that very port to our socket, which then
// connects to itself (RFC 9293 3.5, simultaneous open). That counts as refused.
func (a *attempt) outcome() error {
	self, err := connectedToItself(a.fd)
	switch {
	case err != nil:
		if errno := socketError(a.fd); errno != 0 {
			return errno
		}
		return sys.EINPROGRESS
	case self:
		return sys.ECONNREFUSED
	}
	return nil
}

func (a *attempt) expire()    {}
func (a *attempt) stop(error) {} // its connection ends it
