// What requests and connections cost: allocations and memory, counted for the
// whole server while it runs. The client's side is raw system calls, which cost
// none. These tests are not parallel.

//go:build unix

package server

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

func TestAllocations(t *testing.T) {
	hello := func(w Response, r Request) { w.End("Hello World\n") }
	for _, c := range []struct {
		name string
		h    Handler
		in   string
	}{
		{"GET", hello, get("/")},
		{"16 pipelined", hello, strings.Repeat(get("/"), 16)},
		{"404", func(w Response, r Request) { w.Status(404); w.End("no\n") }, get("/none")},
		{"HEAD", hello, request("HEAD", "/")},
		{"in parts", func(w Response, r Request) { w.WriteString("Hello "); w.WriteString("World\n"); w.End("") }, get("/")},
		{"with fields", func(w Response, r Request) {
			w.Set("Content-Type", "text/plain")
			w.Add("Server", "x")
			w.EndBytes(r.Get("User-Agent"))
		}, get("/", "User-Agent: test", "Accept: */*")},
		{"a body that nobody reads", hello, post("/", "hello")},
		{"a chunked body that nobody reads", hello, chunks("/", "he", "llo")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, &Server{}, c.h)
			k := s.dial()
			k.Send(c.in + get("/", "Connection: close"))
			all, err := io.ReadAll(k)
			if err != nil {
				t.Fatal(err)
			}
			k = s.dial()
			k.Send(get("/", "Connection: close"))
			one, err := io.ReadAll(k)
			if err != nil {
				t.Fatal(err)
			}
			fd := s.dial().Raw()
			in, out := []byte(c.in), make([]byte, len(all)-len(one))
			for range 100 {
				fd.Round(in, out)
			}
			// It counts those of all goroutines, and rounds down what the rest
			// of the process does now and then.
			if n := testing.AllocsPerRun(2000, func() { fd.Round(in, out) }); n != 0 && !debugging {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// TestSystemCalls counts what a request costs: one read and one write, and of a
// batch the same.
func TestSystemCalls(t *testing.T) {
	s := start(t, &Server{}, func(w Response, r Request) { w.End("hi\n") })
	for _, batch := range []int{1, 16} {
		systemCalls(t, s, batch)
	}
}

// systemCalls has a batch sent a hundred times. Where the machine takes the loop's
// time away in the middle of one, its rest is for the next turn, which costs one
// more write: so some hundreds may be wrong, and one has to be right.
func systemCalls(t *testing.T, s *rig, batch int) {
	t.Helper()
	const rounds, tries = 100, 10
	for try := range tries {
		c := s.dial()
		s.bytesIn()
		before := s.workers[0].loop.Stats()
		for range rounds {
			c.Send(strings.Repeat(get("/"), batch))
			for range batch {
				c.Want("200 hi")
			}
		}
		s.bytesIn()
		after := s.workers[0].loop.Stats()
		c.Close()
		s.idle()
		reads, writes := after.Reads-before.Reads, after.Writes-before.Writes
		if debugging || reads == rounds && writes == rounds {
			return
		}
		if try == tries-1 {
			t.Errorf("batches of %d: %d of them took %d reads and %d writes", batch, rounds, reads, writes)
		}
	}
}

// TestIdleMemory is what a keep-alive connection holds that waits for its next
// request: its conn.Conn, its session, its slot.
func TestIdleMemory(t *testing.T) {
	const n = 400
	if loopback.Poller(t) == "select" {
		t.Skip("select takes descriptors up to 1023 only, and the tests have others open")
	}
	s := start(t, &Server{IdleTimeout: time.Hour}, mirror)
	fds := make([]loopback.Raw, n)
	for i := range fds {
		fds[i] = s.dial().Raw()
	}
	until(t, "all are accepted", func() bool { return s.Stats().Conns == n })
	in, out := []byte(post("/", strings.Repeat("x", 1000))), make([]byte, 1024)
	var before, after runtime.MemStats
	measure := func(m *runtime.MemStats) {
		for range 3 { // what is pooled goes in two
			runtime.GC()
		}
		runtime.ReadMemStats(m)
	}
	measure(&before)
	for _, fd := range fds {
		fd.Round(in, out)
	}
	measure(&after)
	if grown := int64(after.HeapObjects) - int64(before.HeapObjects); grown > n/4 {
		t.Errorf("%d connections that have served a request hold %d objects more than new ones", n, grown)
	}
	s.Close()
	measure(&before)
	if objects := float64(after.HeapObjects-before.HeapObjects) / n; objects > 2.5 {
		t.Errorf("an idle connection holds %.2f objects", objects)
	} else {
		t.Logf("an idle connection holds %.2f objects", objects)
	}
}

func TestAccessAllocations(t *testing.T) {
	s := start(t, &Server{Access: func(a Access) {}}, func(w Response, r Request) {
		w.End("hi\n")
	})
	k := s.dial()
	k.Send(get("/"))
	k.Want("200 hi")
	fd := s.dial().Raw()
	in := []byte(get("/"))
	out := make([]byte, len("HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 3\r\n\r\nhi\n"))
	for range 100 {
		fd.Round(in, out)
	}
	if n := testing.AllocsPerRun(1000, func() { fd.Round(in, out) }); n != 0 && !debugging {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGet(b *testing.B) {
	for _, c := range []struct {
		name  string
		batch int
	}{{"1", 1}, {"16", 16}} {
		b.Run(c.name, func(b *testing.B) {
			s := start(b, &Server{}, func(w Response, r Request) { w.End("Hello World\n") })
			fd := s.dial().Raw()
			in := []byte(strings.Repeat(get("/"), c.batch))
			size := len("HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 12\r\n\r\nHello World\n")
			out := make([]byte, size*c.batch)
			b.ReportAllocs()
			for b.Loop() {
				fd.Round(in, out)
			}
			b.ReportMetric(float64(b.N*c.batch)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

func BenchmarkSetField(b *testing.B) {
	for _, c := range []struct{ name, odd, even string }{
		{"as before", "text/plain", "text/plain"},
		{"another", "text/plain", "image/webp"},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := &session{worker: new(worker)}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				value := c.even
				if n%2 == 1 {
					value = c.odd
				}
				if err := s.setField("Content-Type", value, true); err != nil {
					b.Fatal(err)
				}
				s.x.fields = s.x.fields[:0]
			}
		})
	}
}
