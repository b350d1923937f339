package conn_test

import (
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// What a handler did before it wrote has happened before the peer reads: the race
// detector, for which this is, knows it as with package net.
func TestWritesHappenBeforeReads(t *testing.T) {
	each(t, func(r *rig) {
		n := 0
		_, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int { n++; c.Write(p); return len(p) }})
		for i := range 3 {
			n = 10 * i
			p.send("x")
			p.want("x")
			if n != 10*i+1 {
				r.Error(n)
			}
		}
	})
}
