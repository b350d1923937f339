//go:build unix

// System calls that are the same on every Unix.

package conn

import (
	"context"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	solSocket   = syscall.SOL_SOCKET
	soKeepAlive = syscall.SO_KEEPALIVE
	tcpNoDelay  = syscall.TCP_NODELAY
	errShutdown = syscall.ESHUTDOWN
)

type (
	sockAddr     = unix.Sockaddr
	sockAddr4    = unix.SockaddrInet4
	sockAddr6    = unix.SockaddrInet6
	sockAddrUnix = unix.SockaddrUnix
)

func closeFD(fd int) { unix.Close(fd) }

// dupFD makes a descriptor of our own for the socket of a net.Conn or net.Listener. It
// must be a stream socket: others lose the rest of a message that is longer than the
// buffer (recv(2)). The two share O_NONBLOCK, which is set already.
func dupFD(sc syscall.Conn) (fd int, err error) {
	rc, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd = -1
	cerr := rc.Control(func(s uintptr) { fd, err = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0) })
	if err = firstError(cerr, err); err != nil {
		return -1, err
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == nil && kind != unix.SOCK_STREAM {
		err = unix.EPROTOTYPE
	}
	if err != nil {
		closeFD(fd)
		return -1, os.NewSyscallError("getsockopt", err)
	}
	return fd, nil
}

// duplicateFile makes a file of the same socket.
func duplicateFile(fd int, name string) (*os.File, error) {
	n, err := duplicate(fd)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(n), name), nil
}

// duplicate makes a descriptor of the same socket.
func duplicate(fd int) (int, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return n, os.NewSyscallError("fcntl", err)
}

// netConn makes a connection of package net for the same socket.
func netConn(fd int) (net.Conn, error) {
	f, err := duplicateFile(fd, "")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileConn(f)
}

// resetOnClose makes close drop what is unsent and reset the connection.
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

func listen(network, addr string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), network, addr)
}

func setOption(fd, level, name, value int) error { return unix.SetsockoptInt(fd, level, name, value) }

func bind(fd int, sa sockAddr) error       { return unix.Bind(fd, sa) }
func getsockname(fd int) (sockAddr, error) { return unix.Getsockname(fd) }
func getpeername(fd int) (sockAddr, error) { return unix.Getpeername(fd) }

// connect begins to connect; it is no error that it goes on.
func connect(fd int, sa sockAddr) error {
	err := unix.Connect(fd, sa)
	if err == unix.EINPROGRESS || err == unix.EINTR {
		return nil
	}
	return err
}
