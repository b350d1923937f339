// Our WebSocket server under the hostile client: each answer is the one that the
// reference asks for, and afterwards nothing is left.

package sockets

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/fuzz"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

func TestHostileSockets(t *testing.T) {
	const timeout = 2 * time.Second
	var opened, closed atomic.Int64
	h := &ws.Handler{
		Open:    func(*ws.Conn) { opened.Add(1) },
		Message: func(c *ws.Conn, op ws.Op, p []byte) { c.Write(op, p) },
		Close:   func(*ws.Conn, *ws.CloseError) { closed.Add(1) },
		Silence: timeout, CloseTimeout: timeout, Stall: timeout, MaxMessage: 1 << 20,
		PingAfter: -1, // of which the reference knows nothing
	}
	s := &server.Server{Handler: func(w server.Response, r server.Request) { ws.Upgrade(w, r, h) }}
	addr := startOurs(t, s)
	fuzz.New(*soakSeed).HarassFrames("tcp", addr, "/", 10*timeout) // whatever is made once is made
	eventually(t, "the first is left", func() bool { return opened.Load() == closed.Load() })
	goroutines, heap := runtime.NumGoroutine(), liveHeap()
	var failed atomic.Int64
	var wg sync.WaitGroup
	const clients = 40
	for c := range clients {
		wg.Go(func() {
			for i := c; i < *soakN; i += clients {
				seed := *soakSeed + int64(i)
				what, err := fuzz.New(seed).HarassFrames("tcp", addr, "/", 10*timeout)
				if err != nil && failed.Add(1) <= 10 {
					t.Errorf("-soak.n 1 -soak.seed %d: %s: %v", seed, what, err)
				}
			}
		})
	}
	wg.Wait()
	eventually(t, "connections are left", func() bool { return opened.Load() == closed.Load() })
	if now := liveHeap(); now > heap+8<<20 {
		t.Errorf("%d bytes are live, %d were before", now, heap)
	}
	eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= goroutines })
}
