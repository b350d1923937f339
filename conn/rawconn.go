// SyscallConn: the socket itself, for options that conn has no name for.

package conn

import (
	"errors"
	"net"
	"syscall"
)

// SyscallConn returns the connection's socket, to set or get its options:
//
//	rc, err := c.SyscallConn()
//	rc.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
//
// Like all methods of c, those of the RawConn belong to the loop's goroutine; its
// Read and Write, which wait, are not supported. The error is net.ErrClosed where
// there is no socket: while dialling, and once c is closed.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	c.own("SyscallConn")
	if c.fd < 0 || c.is(closed) {
		return nil, net.ErrClosed
	}
	return connSocket{c}, nil
}

// A connSocket is the socket of a Conn, until that is closed.
type connSocket struct{ c *Conn }

func (r connSocket) Control(f func(fd uintptr)) error {
	if r.c.fd < 0 || r.c.is(closed) {
		return net.ErrClosed
	}
	f(uintptr(r.c.fd))
	return nil
}

func (connSocket) Read(func(fd uintptr) bool) error  { return errors.ErrUnsupported }
func (connSocket) Write(func(fd uintptr) bool) error { return errors.ErrUnsupported }
