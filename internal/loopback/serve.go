// A server that is a function of the test, and speaks raw bytes.

package loopback

import (
	"net"
	"sync"
	"testing"
)

// Serve accepts connections until the test ends, and calls fn with each, on a
// goroutine of its own; the connection is closed when fn returns, or the test ends.
func Serve(t testing.TB, fn func(p *Peer)) net.Addr {
	t.Helper()
	ln := Listen(t)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		over bool
		open = map[net.Conn]bool{}
	)
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			if open[c] = true; over {
				c.Close()
			}
			mu.Unlock()
			wg.Go(func() {
				defer func() {
					mu.Lock()
					delete(open, c)
					mu.Unlock()
					c.Close()
				}()
				fn(New(t, c))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		over = true
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return ln.Addr()
}
