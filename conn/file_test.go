// File: one open file that many connections send from.

package conn_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

func TestSendShared(t *testing.T) {
	each(t, func(r *rig) {
		big := flood(3 << 20)
		f := r.file(big)
		shared := conn.NewFile(f)
		const n = 4
		var peers [n]*peer
		for i := range peers {
			var c *conn.Conn
			c, peers[i] = r.serve(conn.Handler{})
			r.do(func() {
				c.WriteString("<")
				c.SendShared(shared, int64(i), int64(len(big)-i))
				c.SendShared(shared, 0, 0)
				c.SendShared(shared, 0, 3)
				c.WriteString(">")
				c.Close()
			})
		}
		for i, p := range peers[:n-1] {
			want := bytes.Join([][]byte{[]byte("<"), big[i:], big[:3], []byte(">")}, nil)
			if got, err := io.ReadAll(p); err != nil || !bytes.Equal(got, want) {
				r.Fatalf("%d: %d bytes, %v; want %d", i, len(got), err, len(want))
			}
		}
		if err := shared.Close(); err != nil {
			r.Error(err)
		}
		if _, err := f.Stat(); err != nil {
			r.Error("closed while it is being sent:", err)
		}
		if err := shared.Close(); !errors.Is(err, os.ErrClosed) {
			r.Error("closed twice:", err)
		}
		if got, err := io.ReadAll(peers[n-1]); err != nil || len(got) != len(big)-n+1+5 {
			r.Errorf("the last got %d bytes, %v", len(got), err)
		}
		r.wantClosed(f)
	})
}

func TestSendSharedErrors(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		c, p := r.serve(conn.Handler{Close: onClose})
		f := r.file(flood(8 << 20))
		shared := conn.NewFile(f)
		r.do(func() {
			if c.SendShared(shared, -1, 2) == nil || c.SendShared(shared, 0, -1) == nil {
				r.Error("a negative range was taken")
			}
			c.SendShared(shared, 0, 8<<20)
			c.SendShared(shared, 0, 8<<20)
			shared.Close()
			if err := c.SendShared(shared, 0, 1); !errors.Is(err, os.ErrClosed) {
				r.Error("sent a file that is closed:", err)
			}
		})
		p.Read(make([]byte, 100))
		p.reset()
		if err := get(r, ch); err == nil {
			r.Error("closed as if all had been sent")
		}
		r.do(func() {
			if err := c.SendShared(shared, 0, 1); !errors.Is(err, net.ErrClosed) {
				r.Error(err)
			}
		})
		r.wantClosed(f)
	})
}
