package conn_test

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// The kernel takes little for a peer that does not read: by itself it would take 2.5 MB here.
func TestUnsentOutputIsBounded(t *testing.T) {
	r := newRig(t, poller.Names()[0], "tcp")
	const much, most = 8 << 20, 1 << 20
	took := make(chan int, 1)
	ln := r.listen(&conn.Handler{Open: func(c *conn.Conn) {
		c.Write(make([]byte, much))
		took <- much - c.Pending()
	}})
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
	}}
	c, err := d.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n := get(r, took); n == 0 || n > most {
		t.Errorf("the kernel took %d bytes for a peer that does not read, want some and at most %d", n, most)
	}
}
