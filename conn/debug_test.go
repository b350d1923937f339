//go:build race || lurcherdebug

package conn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// A method that is called on another goroutine panics, and says which it was and
// what to use in its place.
func TestMethodsOnAnotherGoroutinePanic(t *testing.T) {
	r := newRig(t, "", "tcp")
	c, _ := r.serve(conn.Handler{})
	ln := r.listen(nil)
	var timer *conn.Timer
	r.do(func() { timer = c.After(patience, func() {}) })
	for name, call := range map[string]func(){
		"Conn.Write":      func() { c.Write([]byte("x")) },
		"Conn.Close":      func() { c.Close() },
		"Conn.SetTimeout": func() { c.SetTimeout(0) },
		"Conn.OnDrain":    func() { c.OnDrain(func() {}) },
		"Conn.Pipe":       func() { c.Pipe(c) },
		"Loop.After":      func() { r.loop.After(0, func() {}) },
		"Loop.Ref":        func() { r.loop.Ref() },
		"Listener.Close":  func() { ln.Close() },
		"Timer.Stop":      func() { timer.Stop() },
	} {
		said := ""
		func() {
			defer func() { said = fmt.Sprint(recover()) }()
			call()
		}()
		if !strings.Contains(said, name+" was called on goroutine") || !strings.Contains(said, "use Post") {
			t.Errorf("%s: %s", name, said)
		}
	}
	r.do(func() { timer.Stop() })
}

// Bytes that were kept are nobody else's: they read as poison also after what came
// later, be that from another connection.
func TestKeptBytesStayPoison(t *testing.T) {
	each(t, func(r *rig) {
		var kept [][]byte
		got := make(chan string, 1)
		r.listen(&conn.Handler{Data: func(c *conn.Conn, p []byte) int {
			if len(p) < 6 {
				return 0 // to be held
			}
			kept = append(kept, p)
			select {
			case got <- string(p):
			default:
			}
			return len(p)
		}})
		for range 4 {
			p := r.dial()
			for _, s := range []string{"secret", "hel", "d in two", "another"} {
				p.send(s)
				if len(s) > 3 {
					get(r, got)
				}
			}
		}
		r.do(func() {
			for i, p := range kept {
				for _, b := range p {
					if b != 0xDB {
						r.Errorf("piece %d of %d reads %q", i, len(kept), p)
						break
					}
				}
			}
		})
	})
}
