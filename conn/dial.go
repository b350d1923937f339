// Dial: connections that are opened from here, without blocking the loop.

package conn

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/poller"
)

// connectTimeout is how long a connection may take to be established, unless
// SetTimeout or SetDeadline say otherwise.
const connectTimeout = 30 * time.Second

// leastTry is the time that each address has at least while others wait.
const leastTry = 2 * time.Second

// dial is the state of a connection that is being established.
type dial struct {
	network string
	unix    string             // path
	host    string             // or an address
	addrs   []netip.AddrPort   // still to be tried
	addr    net.Addr           // being tried
	cancel  context.CancelFunc // of the look-up
	looking bool               // up the name
}

// Dial opens a connection to addr, which is as in [net.Dial], for network
// "tcp", "tcp4", "tcp6" or "unix". It does not wait: Handler.Open or
// Handler.Close follows, within 30 seconds unless SetDeadline says otherwise;
// that deadline ends with Open. What is written before Open is sent after it.
// Names are looked up on another goroutine, and their addresses tried one after
// the other, each for its share of the time. The error of a dial is a
// *net.OpError.
func (l *Loop) Dial(network, addr string, h *Handler) (*Conn, error) {
	d := &dial{network: network, cancel: func() {}}
	var host, port string
	switch network {
	case "unix":
		d.unix, d.addr = addr, &net.UnixAddr{Name: addr, Net: network}
	case "tcp", "tcp4", "tcp6":
		var err error
		if host, port, err = net.SplitHostPort(addr); err != nil {
			return nil, d.error(err)
		}
	default:
		return nil, d.error(net.UnknownNetworkError(network))
	}
	d.host = host
	if l.ending {
		return nil, d.error(net.ErrClosed)
	}
	if d.unix == "" && !d.literal(host, port) {
		ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
		d.cancel, d.looking = cancel, true
		c := l.connect(d, h)
		go c.lookUp(ctx, network, host, port)
		return c, nil
	}
	c := l.connect(d, h)
	c.later()
	return c, nil
}

func (l *Loop) connect(d *dial, h *Handler) *Conn {
	c := l.newConn(-1, h, connecting|dialled)
	c.extra().dial = d
	if t := c.more.tls; t != nil {
		t.client, t.hs = true, &handshake{t: t, host: d.host}
	}
	c.SetDeadline(connectTimeout)
	return c
}

// literal takes an address that needs no look-up.
func (d *dial) literal(host, port string) bool {
	ip, err := netip.ParseAddr(host)
	n, errPort := strconv.ParseUint(port, 10, 16)
	if err != nil || errPort != nil || !d.takes(ip) {
		return false
	}
	d.addrs = []netip.AddrPort{netip.AddrPortFrom(ip.Unmap(), uint16(n))}
	return true
}

// takes tells whether ip is of the network's family.
func (d *dial) takes(ip netip.Addr) bool {
	return d.network == "tcp" || ip.Unmap().Is4() == (d.network == "tcp4")
}

// lookUp runs on a goroutine of its own.
func (c *Conn) lookUp(ctx context.Context, network, host, port string) {
	var ips []netip.Addr
	n, err := net.DefaultResolver.LookupPort(ctx, network, port)
	switch {
	case err != nil:
	case host == "": // this machine, as in package net
		ips = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	default:
		ips, err = net.DefaultResolver.LookupNetIP(ctx, "ip"+network[len("tcp"):], host)
	}
	c.Post(func() {
		if c.is(closed) {
			return
		}
		d := c.more.dial
		d.cancel()
		d.looking = false
		for _, ip := range ips {
			if d.takes(ip) {
				d.addrs = append(d.addrs, netip.AddrPortFrom(ip.Unmap(), uint16(n)))
			}
		}
		if err == nil && len(d.addrs) == 0 {
			err = &net.AddrError{Err: "no suitable address", Addr: host}
		}
		c.dialNext(err)
	})
}

// dialNext tries the next address; err is what the last try came to.
func (c *Conn) dialNext(err error) {
	d := c.more.dial
	if d.looking {
		return
	}
	for {
		if c.fd >= 0 {
			c.loop.poll.Del(int(c.fd))
			c.loop.fds = append(c.loop.fds, int(c.fd))
			c.fd = -1
		}
		var fd int
		var errno error
		switch {
		case d.unix != "" && err == nil:
			fd, errno = connectUnix(d.unix)
		case len(d.addrs) > 0:
			d.addr = net.TCPAddrFromAddrPort(d.addrs[0])
			fd, errno = connectTCP(d.addrs[0])
			d.addrs = d.addrs[1:]
		default:
			c.dialFailed(err)
			return
		}
		if errno != nil && errno != syscall.EINPROGRESS && errno != syscall.EINTR {
			err = os.NewSyscallError("connect", errno)
			continue
		}
		c.fd = int32(fd)
		// Also when it is established already: Open never comes from within Dial.
		if err = c.watch(poller.Write); err == nil {
			c.shareTime(len(d.addrs))
			return
		}
	}
}

// shareTime has the wheel end this try early enough for the others to get
// theirs: an address that swallows packets must not use up all of the time.
func (c *Conn) shareTime(others int) {
	c.stall = 0
	if others == 0 {
		return
	}
	left := ticks(connectTimeout)
	if c.deadline != 0 {
		left = uint32(max(int32(c.deadline-c.loop.now), 0))
	}
	c.stall = c.loop.tickIn(max(left/uint32(others+1), ticks(leastTry)))
	c.schedule(c.stall)
}

// connected is the poller's word on a connect.
func (c *Conn) connected() {
	if errno := socketError(int(c.fd)); errno != 0 {
		c.dialNext(os.NewSyscallError("connect", errno))
		return
	}
	if c.RemoteAddr() == nil {
		return // not yet: this was news of the address tried before
	}
	c.clear(connecting)
	c.stall = 0
	if c.sec == plain {
		c.timeout, c.deadline = 0, 0
	}
	if x := c.more; x.pipe == nil && x.queue == nil && x.waiting == nil && x.tls == nil {
		c.more = nil
	} else {
		x.dial = nil
	}
	c.open()
}

// dialFailed ends a connection that was never opened.
func (c *Conn) dialFailed(err error) { c.fail(c.more.dial.error(err)) }

func (d *dial) error(err error) error {
	return &net.OpError{Op: "dial", Net: d.network, Addr: d.addr, Err: err}
}
