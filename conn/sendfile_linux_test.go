// Files: the segments that they leave in, and how much of one is sent at a time.

package conn_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/poller"
)

func TestFileIsInTheSegmentOfItsHead(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("body"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, poller.Names()[0], "tcp")
	addr := r.listen(&conn.Handler{Data: func(c *conn.Conn, p []byte) int {
		f, err := os.Open(name)
		if err != nil {
			t.Error(err)
			c.Abort()
			return len(p)
		}
		c.WriteString("head")
		c.SendFile(f, 0, 4)
		return len(p)
	}}).Addr()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const answers = 50
	got := make([]byte, 8)
	for range answers {
		c.Write([]byte("ping"))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "headbody" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if n := tcpInfo(t, c.(*net.TCPConn)).Data_segs_in; n >= answers*3/2 { // one may be sent again
		t.Errorf("%d segments with data for %d answers", n, answers)
	}
}

func tcpInfo(t *testing.T, c syscall.Conn) (info *unix.TCPInfo) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// Little or nothing of a file is sent while events of others wait: nothing if they fit in one portion.
func TestLessOfAFileIsSentWhileOthersWait(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, "epoll", "tcp")
	var first *conn.Conn
	var sent []uint64 // of the first one's file, when the second is called
	r.listen(&conn.Handler{Data: func(c *conn.Conn, p []byte) int {
		if first != nil {
			info := tcpInfo(t, first)
			sent = append(sent, info.Bytes_sent+uint64(info.Notsent_bytes))
			return len(p)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Error(err)
			return len(p)
		}
		first = c
		c.SendFile(f, 0, 8<<20)
		return len(p)
	}})
	defer func() { t.Logf("%d bytes were sent while the other waited", sent) }()
	// What the machine leaves of a turn may not suffice for both, and then the first goes on: so it
	// is asked until it does.
	loopback.Until(t, "little of a file to be sent while another waits", func() bool {
		a, b := r.dial(), r.dial()
		r.until("both", func() bool { return r.loop.Stats().Open == 2 })
		r.turns(2)
		r.do(func() { // so that one wait brings both
			first, sent = nil, nil
			a.send("x")
			b.send("x")
		})
		r.until("both to be called", func() bool { return len(sent) > 0 })
		a.reset()
		b.reset()
		r.until("their end", func() bool { return r.loop.Stats().Open == 0 })
		return sent[0] <= 128<<10
	})
}
