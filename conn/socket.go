// Sockets: options, errors and addresses, the same on every system. What differs has a file sys_*.go.

package conn

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/lurcher-net/lurcher/internal/sys"
)

// setTCPOptions turns off Nagle's algorithm, which would only delay output that is
// collected already, and turns on keep-alive probes, which find peers that vanished
// without a FIN.
func setTCPOptions(fd int) {
	setOption(fd, sys.IPPROTO_TCP, tcpNoDelay, 1)
	setOption(fd, solSocket, soKeepAlive, 1)
}

// sockaddr converts addr, a *net.TCPAddr or a *net.UnixAddr, for the kernel.
func sockaddr(addr net.Addr) (family int, sa sockAddr, err error) {
	switch addr := addr.(type) {
	case *net.UnixAddr:
		return sys.AF_UNIX, &sockAddrUnix{Name: addr.Name}, nil
	case *net.TCPAddr:
		if ip := addr.IP.To4(); ip != nil {
			return sys.AF_INET, &sockAddr4{Port: addr.Port, Addr: [4]byte(ip)}, nil
		}
		sa := &sockAddr6{Port: addr.Port}
		copy(sa.Addr[:], addr.IP)
		sa.ZoneId, err = zone(addr.Zone)
		return sys.AF_INET6, sa, err
	}
	return 0, nil, fmt.Errorf("conn: a %T is no address of a stream", addr)
}

// bindTo binds a socket of family, which is about to be connected, to a local address.
func bindTo(fd, family int, addr net.Addr) error {
	if a, ok := addr.(*net.TCPAddr); ok {
		if len(a.IP) == 0 || a.IP.IsUnspecified() { // any, of the socket's family
			a = &net.TCPAddr{IP: net.IPv4zero, Port: a.Port}
			if family == sys.AF_INET6 {
				a.IP = net.IPv6unspecified
			}
			addr = a
		}
		if a.Port == 0 {
			chooseLate(fd)
		}
	}
	_, sa, err := sockaddr(addr)
	if err != nil {
		return err
	}
	return os.NewSyscallError("bind", bind(fd, sa))
}

// defaultKeepAlive is package net's.
const defaultKeepAlive = 15 * time.Second

// setKeepAlive sets the time after which, and between which, the kernel probes a silent peer.
func setKeepAlive(fd int, d time.Duration) {
	if d == 0 {
		d = defaultKeepAlive
	}
	on := 0
	if d > 0 {
		on = 1
		setProbes(fd, int((d+time.Second-1)/time.Second))
	}
	setOption(fd, solSocket, soKeepAlive, on)
}

// zone returns the index of an interface. As in package net, name is its name or its number.
func zone(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if ifi, err := net.InterfaceByName(name); err == nil {
		return uint32(ifi.Index), nil
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil && n > 0 {
		return uint32(n), nil
	}
	return 0, &net.AddrError{Err: "no interface of this name, or number", Addr: name}
}

// A rawConn is a descriptor for functions that set options. Waiting for it is not supported.
type rawConn int

func (fd rawConn) Control(f func(fd uintptr)) error { f(uintptr(fd)); return nil }
func (rawConn) Read(func(fd uintptr) bool) error    { return errors.ErrUnsupported }
func (rawConn) Write(func(fd uintptr) bool) error   { return errors.ErrUnsupported }

// LocalAddr asks the kernel for our address. It returns nil once the connection is
// closed.
func (c *Conn) LocalAddr() net.Addr {
	c.own("LocalAddr")
	return addrOf(getsockname(int(c.fd)))
}

// RemoteAddr asks the kernel for the peer's address. It returns nil once the
// connection is closed or reset. It makes a system call each time, so that connections
// need not store the address.
func (c *Conn) RemoteAddr() net.Addr {
	c.own("RemoteAddr")
	return addrOf(getpeername(int(c.fd)))
}

func addrOf(sa sockAddr, err error) net.Addr {
	if err != nil {
		return nil
	}
	switch sa := sa.(type) {
	case *sockAddr4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	case *sockAddr6:
		a := &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
		if sa.ZoneId != 0 {
			if ifi, err := net.InterfaceByIndex(int(sa.ZoneId)); err == nil {
				a.Zone = ifi.Name
			}
		}
		return a
	case *sockAddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}
	}
	return nil
}
