// What a handler of net/http costs.

//go:build unix

package nethttp

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// TestCost: a small answer is one read and one write, as of a native
// handler, and fewer allocations than under net/http, which has 19 of this. (They
// are the program's by net/http's API: the Request, its head, two maps, the values of the
// handler's field. Then the call, which holds the values of a few fields of the request.)
func TestCost(t *testing.T) {
	s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "hi\n")
	}), 4))
	c := s.dial()
	in := []byte(get("/", "User-Agent: test", "Accept: */*"))
	c.Send(string(in))
	c.Want("200 hi")
	fd := c.Raw()
	out := make([]byte, len("HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nhi\n"))
	const rounds = 500
	most := 11.0
	if debugBuild {
		most = 64 // sync.Pool forgets things, reads go to fresh buffers, and goroutines are told apart
	}
	// A handler that the machine holds up loses the loop, and the collector empties pools: so it is asked until none does.
	until(t, fmt.Sprintf("%v allocations, a read and a write at most for a request", most), func() bool {
		s.bytesIn()
		before := s.loop.Load().Stats()
		n := testing.AllocsPerRun(rounds, func() { fd.Round(in, out) })
		s.bytesIn()
		after := s.loop.Load().Stats()
		return n <= most && after.Reads-before.Reads == rounds+1 && after.Writes-before.Writes == rounds+1 // it warms up once
	})
}

// BenchmarkHandlers is what a handler of net/http costs beside a native one,
// and beside net/http's own server. The client is raw system calls.
func BenchmarkHandlers(b *testing.B) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "Hello World\n")
	})
	native := func(w server.Response, r server.Request) {
		w.Set("Content-Type", "text/plain")
		w.End("Hello World\n")
	}
	lurcher := func(h server.Handler) func(b *testing.B) net.Addr {
		return func(b *testing.B) net.Addr { return start(b, &server.Server{}, h).addr }
	}
	for _, c := range []struct {
		name  string
		start func(b *testing.B) net.Addr
	}{
		{"native", lurcher(native)},
		{"nethttp", lurcher(Handler(hello, 64))},
		{"net-http", func(b *testing.B) net.Addr {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			s := &http.Server{Handler: hello}
			go s.Serve(ln)
			b.Cleanup(func() { s.Close() })
			return ln.Addr()
		}},
	} {
		for _, conns := range []int{1, 16} {
			b.Run(strings.Join([]string{c.name, map[int]string{1: "1", 16: "16"}[conns]}, "/"), func(b *testing.B) {
				addr := c.start(b)
				in := []byte(get("/", "User-Agent: bench", "Accept: */*"))
				var fds []loopback.Raw
				size := 0
				for range conns {
					k := dial(b, addr)
					k.Send(string(in))
					resp, err := http.ReadResponse(k.In, nil)
					if err != nil {
						b.Fatal(err)
					}
					io.Copy(io.Discard, resp.Body)
					size = len("HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nHello World\n")
					fds = append(fds, k.Raw())
				}
				out := make([]byte, size)
				b.ReportAllocs()
				for b.Loop() { // one request on each connection, then their answers
					for _, fd := range fds {
						fd.Send(in)
					}
					for _, fd := range fds {
						fd.Fill(out)
					}
				}
				b.ReportMetric(float64(b.N*conns)/b.Elapsed().Seconds(), "requests/s")
			})
		}
	}
}
