// The order of a connection's calls where a turn is long.

package conn_test

import (
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// TestEndFollowsHeldInput: what was left while paused comes before the peer's end, also
// if the poller reports that before the loop comes to hand over the rest.
func TestEndFollowsHeldInput(t *testing.T) {
	eachPlain(t, func(r *rig) {
		var heard []string
		over := make(chan bool)
		// All leave what comes, and want it again in this turn: the others take a
		// portion of it and more, so that the last comes in the next.
		again := func(c *conn.Conn) { c.Pause(); c.Resume() }
		var others []*peer
		for range 40 {
			first := true
			_, q := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int {
				if first {
					first = false
					again(c)
					return 0
				}
				for begin := time.Now(); time.Since(begin) < 2*time.Millisecond; {
				}
				return len(p)
			}})
			others = append(others, q)
		}
		held := false
		_, p := r.serve(conn.Handler{
			Data: func(c *conn.Conn, p []byte) int {
				if !held {
					held = true
					again(c)
					return 0
				}
				heard = append(heard, string(p))
				return len(p)
			},
			End: func(c *conn.Conn) {
				heard = append(heard, "end")
				c.Close()
				close(over)
			},
		})
		r.do(func() { // all are found by one wait
			for _, q := range others {
				q.send("hello")
			}
			p.send("hello")
			p.Close()
		})
		get(r, over)
		r.do(func() {
			if len(heard) != 2 || heard[0] != "hello" {
				r.Errorf("heard %q", heard)
			}
		})
	})
}
