// Sockets: options, errors and addresses, the same on every Unix.

package conn

import (
	"net"
	"net/netip"
	"syscall"

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

func connectTCP(addr netip.AddrPort) (int, error) {
	ip := addr.Addr()
	var sa unix.Sockaddr
	family := unix.AF_INET
	if ip.Is4() {
		sa = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: ip.As4()}
	} else {
		family = unix.AF_INET6
		sa = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: ip.As16(), ZoneId: zone(ip.Zone())}
	}
	return connectTo(family, sa)
}

func connectUnix(path string) (int, error) {
	return connectTo(unix.AF_UNIX, &unix.SockaddrUnix{Name: path})
}

// connectTo begins to connect; the error may be EINPROGRESS or EINTR (it goes on), with
// a good fd.
func connectTo(family int, sa unix.Sockaddr) (int, error) {
	fd, err := socket(family)
	if err != nil {
		return -1, err
	}
	if family != unix.AF_UNIX {
		setTCPOptions(fd)
	}
	if err = unix.Connect(fd, sa); err != nil && err != unix.EINPROGRESS && err != unix.EINTR {
		unix.Close(fd)
		return -1, err
	}
	return fd, err
}

func zone(name string) uint32 {
	if name == "" {
		return 0
	}
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return uint32(ifi.Index)
}

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
