package client

import (
	"io"
	"strings"
	"testing"
)

// TestBodyIsCharged: what Body has collected counts for the loop's MaxMemory until it is
// handed over, or the answer is cut off.
func TestBodyIsCharged(t *testing.T) {
	t.Parallel()
	const half = 300_000
	for _, whole := range []bool{true, false} {
		more := make(chan bool)
		url := peers(t, func(p *peer) {
			p.Head()
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\n" + strings.Repeat("x", half))
			if <-more {
				p.Say(strings.Repeat("y", half))
				io.Copy(io.Discard, p.In)
			}
		})
		r := start(t, &Client{})
		came := make(chan int, 1)
		r.do(func() {
			r.pool.Get(url, func(a Response, err error) {
				if err != nil {
					t.Error(err)
					return
				}
				a.Body(1<<20, func(body []byte, err error) {
					if whole != (err == nil) {
						t.Error(err)
					}
					came <- len(body)
				})
			})
		})
		until(t, "half of it counts", func() bool { return r.loop.Stats().Held >= half })
		more <- whole
		if n := wait(t, came); whole && n != 2*half {
			t.Errorf("%d bytes", n)
		}
		until(t, "it counts no more", func() bool { return r.loop.Stats().Held == 0 })
	}
}
