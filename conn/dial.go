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

// dial is the state of a connection that is being established.
type dial struct {
	network string
	unix    string           // path
	addrs   []netip.AddrPort // still to be tried
	addr    net.Addr         // being tried
}

// Dial opens a connection to addr, which is as in [net.Dial], for network
// "tcp", "tcp4", "tcp6" or "unix". It does not wait: Handler.Open or
// Handler.Close follows, within 30 seconds unless SetDeadline says otherwise;
// that deadline ends with Open. What is written before Open is sent after it. Names are looked up on another
// goroutine, and their addresses tried one after the other. The error of a dial
// is a *net.OpError.
func (l *Loop) Dial(network, addr string, h *Handler) (*Conn, error) {
	d := &dial{network: network}
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
	if l.ending {
		return nil, d.error(net.ErrClosed)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil && d.unix == "" {
		return nil, d.error(&net.AddrError{Err: "invalid port", Addr: addr})
	} else if ip, err := netip.ParseAddr(host); err == nil {
		d.addrs = []netip.AddrPort{netip.AddrPortFrom(ip, uint16(n))}
	} else if d.unix == "" {
		c := l.connect(d, h)
		go c.lookUp(network, host, uint16(n))
		return c, nil
	}
	c := l.connect(d, h)
	c.dialNext(nil)
	return c, nil
}

func (l *Loop) connect(d *dial, h *Handler) *Conn {
	c := l.newConn(-1, h, connecting)
	c.extra().dial = d
	c.SetDeadline(connectTimeout)
	return c
}

// lookUp runs on a goroutine of its own.
func (c *Conn) lookUp(network, host string, port uint16) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip"+network[len("tcp"):], host)
	c.Post(func() {
		if c.is(closed) {
			return
		}
		for _, ip := range ips {
			c.more.dial.addrs = append(c.more.dial.addrs, netip.AddrPortFrom(ip.Unmap(), port))
		}
		c.dialNext(err)
	})
}

// dialNext tries the next address; err is what the last try came to.
func (c *Conn) dialNext(err error) {
	d := c.more.dial
	for {
		if c.fd >= 0 {
			c.loop.poll.Del(int(c.fd))
			c.loop.fds = append(c.loop.fds, int(c.fd))
			c.fd = -1
		}
		var fd int
		var errno error
		switch {
		case d.unix != "":
			if err != nil {
				c.dialFailed(err)
				return
			}
			fd, errno = connectUnix(d.unix)
		case len(d.addrs) > 0:
			d.addr = net.TCPAddrFromAddrPort(d.addrs[0])
			fd, errno = connectTCP(d.addrs[0])
			d.addrs = d.addrs[1:]
		default:
			c.dialFailed(err)
			return
		}
		if errno != nil && errno != syscall.EINPROGRESS {
			err = os.NewSyscallError("connect", errno)
			continue
		}
		c.fd = int32(fd)
		// Also when it is established already: Open never comes from within Dial.
		if err = c.watch(poller.Write); err == nil {
			return
		}
	}
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
	c.timeout, c.deadline = 0, 0
	c.more.dial = nil
	if c.h.Open != nil {
		c.h.Open(c)
	}
	c.touch()
}

// dialFailed ends a connection that was never opened.
func (c *Conn) dialFailed(err error) { c.fail(c.more.dial.error(err)) }

func (d *dial) error(err error) error {
	return &net.OpError{Op: "dial", Net: d.network, Addr: d.addr, Err: err}
}
