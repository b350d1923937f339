// What an attack on handshakes costs the others, in full: make show.

package conn_test

import (
	"crypto/tls"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// 6000 clients send a ClientHello and then a byte a second of a record that is never whole; those that are closed come
// again, if the test says so: then it is a flood of ClientHellos too, and what it costs is computing. A new client's handshake takes less than a second.
func TestShowDrippingHandshakes(t *testing.T) {
	if os.Getenv("LURCHER_SHOW") != "1" {
		t.Skip("it takes most of a minute and all processors: make show")
	}
	for _, k := range []struct {
		name  string
		again bool
		share int // percent of new handshakes that take less than a second
	}{{"once", false, 100}, {"again and again", true, 90}} {
		t.Run(k.name, func(t *testing.T) {
			r := newRig(t, "epoll", "tcp")
			s := &conn.TLS{Config: certified()}
			r.listen(&conn.Handler{TLS: s, Open: func(c *conn.Conn) { c.Pipe(c) }})
			hello := clientHello()
			var stop atomic.Bool
			var wg sync.WaitGroup
			var came, closed atomic.Int64
			const n, threads = 6000, 4
			for range threads {
				wg.Add(1)
				go func() {
					defer wg.Done()
					cs := make([]net.Conn, n/threads)
					seen := make([]bool, len(cs))
					for !stop.Load() {
						began := time.Now()
						for i, c := range cs {
							switch {
							case stop.Load():
							case c == nil && (k.again || !seen[i]):
								nc, err := net.Dial("tcp", r.addr)
								if err != nil {
									t.Error(err)
									return
								}
								nc.Write(hello)
								cs[i], seen[i] = nc, true
								came.Add(1)
							case c != nil:
								if _, err := c.Write([]byte{22, 3, 3, 1}[i%4 : i%4+1]); err != nil {
									c.Close()
									cs[i] = nil
									closed.Add(1)
								}
							}
						}
						time.Sleep(time.Second - time.Since(began))
					}
					for _, c := range cs {
						if c != nil {
							c.Close()
						}
					}
				}()
			}
			for came.Load() < n {
				time.Sleep(time.Millisecond)
			}
			var took []time.Duration
			failed := 0
			for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				began := time.Now()
				c, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", r.addr, certified())
				if err != nil {
					failed++
					t.Log(err)
					continue
				}
				took = append(took, time.Since(began))
				c.Close()
			}
			t.Logf("%+v, %d came, %d were closed", s.Stats(), came.Load(), closed.Load())
			stop.Store(true)
			wg.Wait()
			slices.Sort(took)
			t.Logf("%d handshakes: median %v, 99th percentile %v, longest %v; %d failed", len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1], failed)
			if failed > 0 || took[len(took)*k.share/100-1] > time.Second {
				t.Errorf("of the new handshakes some fail, or less than %d %% take less than a second", k.share)
			}
		})
	}
}

// clientHello returns the first flight of a client of crypto/tls.
func clientHello() []byte {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go tls.Client(a, certified()).Handshake()
	buf := make([]byte, 8<<10)
	n, _ := b.Read(buf)
	return buf[:n]
}

// What a handshake holds while it waits for its peer: [conn.TLS].Handshakes says so.
func TestShowHandshakeMemory(t *testing.T) {
	if os.Getenv("LURCHER_SHOW") != "1" {
		t.Skip("it looks at the whole process: make show")
	}
	r := newRig(t, "epoll", "tcp")
	s := &conn.TLS{Config: certified(), Handshakes: 1 << 20}
	r.listen(&conn.Handler{TLS: s})
	hello := clientHello()
	const n = 2000
	greet := func(n int) {
		for range n {
			c, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			c.Write(hello)
			c.Read(make([]byte, 1)) // the server's flight: it waits for ours
		}
	}
	greet(100)
	memory := func() (heap, stacks uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, m.StackInuse
	}
	heap, stacks := memory()
	goroutines := runtime.NumGoroutine()
	greet(n)
	h, st := memory()
	t.Logf("each of %d handshakes holds %d bytes of heap, a net.Conn of the test among them, and %d of stack, in %d goroutines",
		s.Stats().Running, (h-heap)/n, (st-stacks)/n, (runtime.NumGoroutine()-goroutines)/n)
}
