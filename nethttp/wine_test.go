// What some tests need, and wine lacks.

package nethttp

import (
	"errors"
	"net"
	"runtime"
	"syscall"
	"testing"
)

// needHandOver skips where a socket cannot be handed over to package net, as hijacking
// and HTTP/2 do.
func needHandOver(t testing.TB) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	f, err := nc.(*net.TCPConn).File()
	if err == nil {
		defer f.Close()
		var again net.Conn
		if again, err = net.FileConn(f); err == nil {
			again.Close()
			return
		}
	}
	t.Skip("package net does not take a socket over here: ", err)
}

// native reports whether err is the error that package syscall names errno, as package net returns it: on
// Windows that is one of Winsock.
func native(err, errno error) bool {
	if errors.Is(err, errno) {
		return true
	}
	const wsaeConnReset, wsaeConnRefused = syscall.Errno(10054), syscall.Errno(10061)
	return runtime.GOOS == "windows" &&
		(errno == syscall.ECONNRESET && errors.Is(err, wsaeConnReset) || errno == syscall.ECONNREFUSED && errors.Is(err, wsaeConnRefused))
}
