//go:build unix

package conn

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/lurcher-net/lurcher/poller"
)

// A file that is longer than one call sends is in line with output that goes on: nothing of it
// is sent before all who ask have had their turn.
func TestLongFilesComeLast(t *testing.T) {
	t.Parallel()
	const files, tries = 8, 50
	name := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(name, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	before := make(chan uint64, 1)
	ln, err := l.Listen("tcp", "127.0.0.1:0", &Handler{
		Open: func(c *Conn) { c.Write([]byte("+")) },
		Data: func(c *Conn, in []byte) int {
			if in[0] == 'x' {
				before <- l.stats.Writes
				return len(in)
			}
			f, err := os.Open(name)
			if err != nil {
				t.Error(err)
				return len(in)
			}
			c.SendFile(f, 0, 1<<20)
			return len(in)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	defer func() { cancel(); <-ran }()
	var sent uint64
	for range tries { // a turn may be cut short where the machine is busy
		var peers []net.Conn
		for range files + 1 {
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			peers = append(peers, c)
		}
		begun := make(chan uint64, 1)
		l.Post(func() { // so that one wait brings all
			begun <- l.stats.Writes
			for _, c := range peers[:files] {
				c.Write([]byte("f"))
			}
			peers[files].Write([]byte("x"))
		})
		if sent = <-before - <-begun; sent == 0 {
			return
		}
	}
	t.Errorf("there were %d writes before who came with %d others had its turn", sent, files)
}
