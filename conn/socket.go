// Sockets: options, errors and addresses, the same on every Unix.

package conn

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func closeFD(fd int) { unix.Close(fd) }

// dupFD makes a descriptor of our own for the socket of a net.Conn or
// net.Listener. It shares their file, which is non-blocking already.
func dupFD(sc syscall.Conn) (fd int, err error) {
	rc, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd = -1
	cerr := rc.Control(func(s uintptr) { fd, err = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0) })
	if cerr != nil {
		return -1, cerr
	}
	return fd, err
}

// setTCPOptions: output is collected already, so Nagle's algorithm would only
// delay it; keep-alive probes find peers that vanished without a word.
func setTCPOptions(fd int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
}

// resetOnClose has close drop what is unsent, and the peer see a reset.
func resetOnClose(fd int) {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

func shutdownWrite(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) }

// socketError takes the error that is pending on a socket.
func socketError(fd int) syscall.Errno {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		errno, _ := err.(syscall.Errno)
		return errno
	}
	return syscall.Errno(n)
}

// sockaddr is addr, a *net.TCPAddr or a *net.UnixAddr, as the kernel takes it.
func sockaddr(addr net.Addr) (family int, sa unix.Sockaddr, err error) {
	switch addr := addr.(type) {
	case *net.UnixAddr:
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: addr.Name}, nil
	case *net.TCPAddr:
		if ip := addr.IP.To4(); ip != nil {
			return unix.AF_INET, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip)}, nil
		}
		sa := &unix.SockaddrInet6{Port: addr.Port}
		copy(sa.Addr[:], addr.IP)
		sa.ZoneId, err = zone(addr.Zone)
		return unix.AF_INET6, sa, err
	}
	return 0, nil, fmt.Errorf("conn: a %T is no address of a stream", addr)
}

// bindTo binds a socket of family, which is about to be connected, to a local address.
func bindTo(fd, family int, addr net.Addr) error {
	if a, ok := addr.(*net.TCPAddr); ok {
		if len(a.IP) == 0 || a.IP.IsUnspecified() { // any, of the socket's family
			a = &net.TCPAddr{IP: net.IPv4zero, Port: a.Port}
			if family == unix.AF_INET6 {
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
	return os.NewSyscallError("bind", unix.Bind(fd, sa))
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
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, on)
}

// zone is the index of an interface that is given by its name, or by its number as package net takes it.
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

func isTCP(sa unix.Sockaddr) bool {
	switch sa.(type) {
	case *unix.SockaddrInet4, *unix.SockaddrInet6:
		return true
	}
	return false
}

func sameAddr(a, b unix.Sockaddr) bool {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		b, ok := b.(*unix.SockaddrInet4)
		return ok && a.Port == b.Port && a.Addr == b.Addr
	case *unix.SockaddrInet6:
		b, ok := b.(*unix.SockaddrInet6)
		return ok && a.Port == b.Port && a.Addr == b.Addr
	}
	return false
}

// A rawConn is a descriptor for functions that set options. It is not to be waited for.
type rawConn int

func (fd rawConn) Control(f func(fd uintptr)) error { f(uintptr(fd)); return nil }
func (rawConn) Read(func(fd uintptr) bool) error    { return errors.ErrUnsupported }
func (rawConn) Write(func(fd uintptr) bool) error   { return errors.ErrUnsupported }

// LocalAddr asks the kernel for our address; nil once the connection is closed.
func (c *Conn) LocalAddr() net.Addr { return addrOf(unix.Getsockname(int(c.fd))) }

// RemoteAddr asks the kernel for the peer's address; nil once the connection is
// closed or reset. It is a system call, so that no connection has to hold it.
func (c *Conn) RemoteAddr() net.Addr { return addrOf(unix.Getpeername(int(c.fd))) }

func addrOf(sa unix.Sockaddr, err error) net.Addr {
	if err != nil {
		return nil
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	case *unix.SockaddrInet6:
		a := &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
		if sa.ZoneId != 0 {
			if ifi, err := net.InterfaceByIndex(int(sa.ZoneId)); err == nil {
				a.Zone = ifi.Name
			}
		}
		return a
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}
	}
	return nil
}
