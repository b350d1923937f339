// Attempts: the addresses of a dial are tried side by side, by RFC 8305 section 5. Each attempt has a
// socket and a slot of its own until one of them wins.

package conn

import (
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/lurcher-net/lurcher/internal/sys"
	"github.com/lurcher-net/lurcher/poller"
)

const (
	// maxAttempts is how many addresses of a dial are tried at a time: one more ends the oldest.
	maxAttempts = 8

	// againAttempts is how often an attempt is repeated after EADDRNOTAVAIL, which Linux sometimes
	// returns although ports are left: package net does the same.
	againAttempts = 2

	// unwatched is an interest that a connection never has, so that interest updates the poller.
	unwatched = ^poller.Ready(0)
)

// An attempt is one address being tried. It is an owner of a slot.
type attempt struct {
	d    *dial
	addr net.Addr
	fd   int // -1: none yet, or not any more
	slot uint32
}

// next makes attempts until one is under way. If no address is left, the dial fails with the last attempt
// under way.
func (d *dial) next() {
	c := d.conn
	for !c.is(closed) {
		addr := d.nextAddr()
		if addr == nil {
			if len(d.attempts) == 0 {
				d.exhausted()
			}
			return
		}
		if len(d.attempts) == maxAttempts {
			d.lost(d.attempts[0], os.ErrDeadlineExceeded)
		}
		if d.err == nil {
			d.addr = addr
		}
		a := &attempt{d: d, addr: addr, fd: -1}
		d.attempts = append(d.attempts, a)
		err := a.start()
		if err == nil {
			d.setDelay()
			return
		}
		d.lost(a, err)
	}
}

// nextAddr takes the address to be tried next; nil: there is none.
func (d *dial) nextAddr() net.Addr {
	if d.path != "" {
		d.path = ""
		return d.addr
	}
	for len(d.ips) > 0 {
		ip := d.ips[0]
		if d.ips = d.ips[1:]; d.takes(ip) {
			return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, d.port))
		}
	}
	return nil
}

// exhausted ends a dial that has no address left.
func (d *dial) exhausted() {
	if d.err == nil {
		d.err = &net.AddrError{Err: "no suitable address", Addr: d.host}
	}
	d.failed(d.err)
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
	if d.FallbackDelay < 0 && len(d.attempts) > 0 {
		d.lost(d.attempts[0], os.ErrDeadlineExceeded)
	}
	d.next()
}

// start makes the socket and begins to connect it. It stores the socket in a before it calls Control, which
// may panic.
func (a *attempt) start() error {
	d := a.d
	family, to, err := sockaddr(a.addr)
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
		if err := d.Control(network, a.addr.String(), rawConn(a.fd)); err != nil {
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

// lost ends an attempt that has failed.
func (d *dial) lost(a *attempt, err error) {
	if d.err == nil {
		d.err, d.addr = err, a.addr
	}
	d.drop(a)
}

// drop gives back what an attempt holds.
func (d *dial) drop(a *attempt) {
	l := d.conn.loop
	d.attempts = slices.DeleteFunc(d.attempts, func(b *attempt) bool { return a == b })
	if a.slot != 0 {
		if a.fd >= 0 {
			l.poll.Del(a.fd)
		}
		l.slots.release(a.slot)
		a.slot = 0
	}
	if a.fd >= 0 {
		l.fds = append(l.fds, a.fd)
		a.fd = -1
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
	peer, err := getpeername(a.fd)
	if err != nil {
		if errno := socketError(a.fd); errno != 0 {
			return errno
		}
		return sys.EINPROGRESS
	}
	if isTCP(peer) {
		if own, err := getsockname(a.fd); err == nil && sameAddr(own, peer) {
			return sys.ECONNREFUSED
		}
	}
	return nil
}

func (a *attempt) expire()    {}
func (a *attempt) stop(error) {} // its connection ends it
