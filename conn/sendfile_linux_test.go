// What is written before a file leaves in one segment with the file's first bytes.

package conn_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/conn"
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
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if err != nil {
		t.Fatal(err)
	}
	if n := info.Data_segs_in; n >= answers*3/2 { // one may be sent again
		t.Errorf("%d segments with data for %d answers", n, answers)
	}
}
