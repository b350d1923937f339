// What an encrypted connection holds while it idles.

package conn_test

import (
	"crypto/tls"
	"net"
	"runtime"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// An idle connection holds no goroutine, and of the heap what crypto/tls does and
// little more. The client's end is in the same process: it is measured as the
// server's end is, against connections of crypto/tls to itself.
func TestIdleTLSConnections(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	for _, v := range []struct {
		version uint16
		most    float64
	}{{tls.VersionTLS12, 5 << 10}, {tls.VersionTLS13, 7.5 * 1024}} {
		t.Run(tls.VersionName(v.version), func(t *testing.T) {
			const n = 400
			needDescriptors(t, 4*n+300)
			cfg := certified()
			cfg.MinVersion, cfg.MaxVersion = v.version, v.version
			r := newRig(t, "epoll", "tcp")
			opened := 0
			r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Open: func(c *conn.Conn) { opened++ },
				Data: func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) }})
			heap := func() float64 {
				r.turns(2)
				runtime.GC()
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return float64(m.HeapAlloc)
			}
			var sockets []net.Conn
			connect := func(n int) {
				for range n {
					sockets = append(sockets, idleTLS(t, r.addr, cfg))
				}
			}
			connect(50) // buffers of the loop, pools
			goroutines := runtime.NumGoroutine()
			before := heap()
			// Their ends are of this process too: a net.Conn each.
			connect(n)
			perConn := (heap() - before) / n
			bare := make([]net.Conn, 0, n)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			before = heap()
			for range n { // what such an end takes: nobody accepts these
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				bare = append(bare, nc)
			}
			perConn -= (heap() - before) / n
			more := runtime.NumGoroutine() - goroutines
			t.Logf("%.0f bytes of heap for each of %d idle connections, %d goroutines more", perConn, n, more)
			if perConn > v.most || perConn < 1000 {
				t.Errorf("%.0f bytes each, %.0f are promised", perConn, v.most)
			}
			if more > 2 {
				t.Errorf("%d goroutines more than before", more)
			}
			if opened != n+50 {
				t.Error(opened, "opened")
			}
			runtime.KeepAlive(sockets)
			for _, nc := range append(sockets, bare...) {
				nc.Close()
			}
			ln.Close()
		})
	}
}

// idleTLS opens a connection that was used and is idle, and returns its socket: nothing else
// of the client is kept.
func idleTLS(t *testing.T, addr string, cfg *tls.Config) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	k := tls.Client(nc, cfg)
	for range 3 {
		k.Write([]byte("ping"))
		if _, err := k.Read(make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
	}
	return nc
}
