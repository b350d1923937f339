package conn_test

import (
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// A connection whose held input waits to be handed over again has its turn already. Were more
// read meanwhile, it would have two in each round, and hold ever more.
func TestNoMoreIsReadBeforeItsTurn(t *testing.T) {
	eachPlain(t, func(r *rig) {
		const size, step = 1 << 20, 1 << 10
		last, got, grew := 0, 0, 0
		done := make(chan bool, 1)
		_, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int {
			if last > 0 && len(p) > last {
				grew++
			}
			n := min(len(p), step)
			last = len(p) - n
			if got += n; got == size {
				done <- true
			}
			c.Resume() // for the rest
			return n
		}})
		if _, err := p.Write(make([]byte, size)); err != nil {
			r.Fatal(err)
		}
		get(r, done)
		if grew > 0 {
			r.Errorf("more was read %d times while the rest of what was read before waited", grew)
		}
	})
}
