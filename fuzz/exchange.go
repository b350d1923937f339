// A client for servers under test: it sends what it is given, however bad.

package fuzz

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Exchange connects, sends the pieces one by one, shuts down its sending side and returns all that
// the server says until it closes. A server that refuses may stop reading at any time: that is no
// error. To be cut off by a reset, or to wait longer than timeout for the end, is one; received is
// then what had come before.
func Exchange(network, addr string, pieces [][]byte, timeout time.Duration) (received []byte, err error) {
	c, err := net.DialTimeout(network, addr, timeout)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(timeout))
	sent := make(chan error, 1)
	go func() { sent <- send(c, pieces) }()
	received, err = io.ReadAll(c)
	if err == nil {
		c.SetDeadline(time.Now()) // the server has closed: what could not be sent will not be
	}
	if e := <-sent; err == nil && !errors.Is(e, os.ErrDeadlineExceeded) && !closedByPeer(e) {
		err = e
	}
	return received, err
}

func send(c net.Conn, pieces [][]byte) error {
	for _, p := range pieces {
		if _, err := c.Write(p); err != nil {
			return err
		}
	}
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// closedByPeer reports whether err is that of writing to a server that has gone.
func closedByPeer(err error) bool {
	var op *net.OpError
	return err == nil || errors.As(err, &op) && !op.Timeout()
}
