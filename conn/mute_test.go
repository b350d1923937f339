package conn_test

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// TestResetOnErrorUnix: over a Unix socket, which cannot be reset, what is cut off
// has no end that could pass for that of the whole; the loop forgets the socket
// when the peer does.
func TestResetOnErrorUnix(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *conn.Conn){
		"abort": func(c *conn.Conn) { c.Abort() },
		"panic": func(*conn.Conn) { panic("on purpose") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "", "unix")
			closed, onClose := closes()
			c, p := r.serve(conn.Handler{Close: onClose, Open: func(c *conn.Conn) {
				c.ResetOnError()
				c.WriteString("half")
			}})
			p.want("half")
			r.loop.Post(func() { c.Post(func() { end(c) }) })
			if err := get(r, closed); err == nil {
				t.Error("closed in order")
			}
			p.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if b, err := io.ReadAll(p); len(b) > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read %q, and %v", b, err)
			}
			p.Close()
			r.until("it is forgotten", func() bool { return r.loop.Stats().Open == 0 })
		})
	}
}
