// A connection whose two ends are both ours, where there is no Unix.

//go:build !unix

package nethttp

import (
	"errors"
	"net"
)

// socketPair returns the two ends of a connection over loopback. Somebody else may connect
// first, so the addresses are compared.
func socketPair() (a, b net.Conn, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	if a, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		return nil, nil, err
	}
	if b, err = ln.Accept(); err == nil && b.RemoteAddr().String() != a.LocalAddr().String() {
		b.Close()
		err = errors.New("nethttp: somebody else has connected to the relay's socket")
	}
	if err != nil {
		a.Close()
		return nil, nil, err
	}
	return a, b, nil
}
