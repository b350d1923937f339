// What the tests ask of the system beside package net, on Unix.

//go:build unix

package conn_test

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// listenWithoutQueue listens at ip and port, with room for as few connections as can be, and returns the port.
func listenWithoutQueue(t testing.TB, ip netip.Addr, port int) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: ip.As4(), Port: port}); err != nil {
		t.Fatal(err)
	}
	unix.Listen(fd, 0)
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return sa.(*unix.SockaddrInet4).Port
}

// needDescriptors skips where so many cannot be open at a time.
func needDescriptors(t testing.TB, n int) {
	t.Helper()
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err == nil && uint64(l.Cur) < uint64(n) {
		t.Skipf("only %d descriptors can be had here, and this takes %d", l.Cur, n)
	}
}

// notConnected returns nil if fd is a socket that is not connected.
func notConnected(fd uintptr) error {
	switch _, err := unix.Getpeername(int(fd)); err {
	case unix.ENOTCONN:
		return nil
	case nil:
		return errors.New("it has a peer")
	default:
		return err
	}
}

// isReset reports whether err of package net says that the connection was reset.
func isReset(err error) bool { return errors.Is(err, unix.ECONNRESET) }
