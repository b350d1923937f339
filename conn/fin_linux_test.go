// The FIN that follows the last output leaves in one segment with it.

package conn_test

import (
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

func TestLastSegmentHasTheFIN(t *testing.T) {
	r := newRig(t, poller.Names()[0], "tcp")
	theirs, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	go func() {
		for {
			c, err := theirs.Accept()
			if err != nil {
				return
			}
			io.ReadFull(c, make([]byte, 4))
			c.Write([]byte("pong"))
			c.Close()
		}
	}()
	closes := func(end func(c *conn.Conn)) net.Addr {
		return r.listen(&conn.Handler{Data: func(c *conn.Conn, p []byte) int {
			c.WriteString("pong")
			end(c)
			return len(p)
		}}).Addr()
	}
	want := segments(t, theirs.Addr()) - 1
	for name, end := range map[string]func(c *conn.Conn){
		"Close":      func(c *conn.Conn) { c.Close() },
		"CloseWrite": func(c *conn.Conn) { c.CloseWrite() },
	} {
		if n := segments(t, closes(end)); n != want {
			t.Errorf("%s: the client got %d segments, not one less than the %d of a write and a close", name, n, want+1)
		}
	}
}

// segments returns how many a client gets from a server that answers ping with pong
// and its FIN: the least of several tries, for now and then an acknowledgement
// comes by itself.
func segments(t *testing.T, addr net.Addr) uint32 {
	least := ^uint32(0)
	for range 20 {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write([]byte("ping"))
		if got, err := io.ReadAll(c); err != nil || string(got) != "pong" {
			t.Fatalf("%q, %v", got, err)
		}
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			var info *unix.TCPInfo
			if info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
				least = min(least, info.Segs_in)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return least
}
