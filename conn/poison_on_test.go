//go:build race || lurcherdebug

package conn_test

import (
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// In these builds whoever keeps borrowed bytes reads nonsense.
func TestPoison(t *testing.T) {
	r := newRig(t, "epoll", "unix") // alone: no other loop may get the buffer that is peeked into
	var kept []byte
	got := make(chan bool, 4)
	first := true
	_, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int {
		defer func() { got <- true }()
		if first {
			first = false
			return 0 // to be held
		}
		kept = p
		return len(p)
	}})
	for _, piece := range []string{"held", " and the rest", "not held"} {
		p.send(piece)
		get(r, got)
		r.do(func() {
			for _, b := range kept {
				if b != 0xDB {
					r.Errorf("after %q the handler can still read %q", piece, kept)
					break
				}
			}
		})
	}
}
