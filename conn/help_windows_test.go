// What the tests ask of the system beside package net, on Windows.

package conn_test

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/windows"
)

// listenWithoutQueue listens at ip and port, with room for as few connections as can be, and returns the port.
func listenWithoutQueue(t testing.TB, ip netip.Addr, port int) int {
	t.Helper()
	fd, err := windows.Socket(windows.AF_INET, windows.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { windows.Closesocket(fd) })
	if err := windows.Bind(fd, &windows.SockaddrInet4{Addr: ip.As4(), Port: port}); err != nil {
		t.Fatal(err)
	}
	windows.Listen(fd, 0)
	sa, err := windows.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return sa.(*windows.SockaddrInet4).Port
}

// needDescriptors skips where so many cannot be open at a time.
func needDescriptors(testing.TB, int) {}

// notConnected returns nil if fd is a socket that is not connected.
func notConnected(fd uintptr) error {
	switch _, err := windows.Getpeername(windows.Handle(fd)); err {
	case windows.WSAENOTCONN:
		return nil
	case nil:
		return errors.New("it has a peer")
	default:
		return err
	}
}

// isReset reports whether err of package net says that the connection was reset.
func isReset(err error) bool { return errors.Is(err, windows.WSAECONNRESET) }
