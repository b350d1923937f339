// What requests and connections cost: allocations and memory, counted for the
// whole process. The server's side is raw system calls, which cost none. These
// tests are not parallel.

package client

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// mirrorLoop runs a loop that answers each head that comes with the same.
func mirrorLoop(t testing.TB, answer string) (url string) {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	reply := []byte(answer)
	ln, err := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{Data: func(c *conn.Conn, p []byte) int {
		c.Write(reply)
		return len(p)
	}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() { defer close(done); l.Run(t.Context()) }()
	if b, ok := t.(*testing.B); ok {
		b.Cleanup(func() { wait(t, done) })
	} else {
		t.Cleanup(func() { wait(t, done) })
	}
	return "http://" + ln.Addr().String()
}

// A repeater asks again and again, without allocating.
type repeater struct {
	pool *Pool
	url  string
	ask  func(q Request)
	n    int
	done chan bool
	do   func(r Response, err error)
	t    testing.TB
}

func newRepeater(r *rig, url string, ask func(q Request)) *repeater {
	p := &repeater{pool: r.pool, url: url, ask: ask, done: make(chan bool, 1), t: r.t}
	stream := func(_ []byte, err error) {
		switch {
		case err == io.EOF:
			p.next()
		case err != nil:
			p.t.Error(err)
			p.done <- false
		}
	}
	p.do = func(r Response, err error) {
		if err != nil {
			p.t.Error(err)
			p.done <- false
			return
		}
		r.Stream(stream)
	}
	return p
}

func (p *repeater) next() {
	if p.n--; p.n < 0 {
		p.done <- true
		return
	}
	q := p.pool.Request("GET", p.url)
	q.Do(p.do)
	p.ask(q)
}

// run makes n requests, one after the other.
func (p *repeater) run(n int) {
	p.pool.loop.Post(func() { p.n = n; p.next() })
	wait(p.t, p.done)
}

func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		ask          func(q Request)
	}{
		{"GET", okAnswer, func(q Request) { q.End("") }},
		{"GET, nothing", "HTTP/1.1 204 None\r\n\r\n", func(q Request) { q.End("") }},
		{"GET, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", func(q Request) { q.End("") }},
		{"with fields and a body", okAnswer, func(q Request) {
			q.Set("Content-Type", "text/plain")
			q.Set("Accept", "*/*")
			q.Add("Connection", "keep-alive")
			q.End("hello")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, &Client{})
			p := newRepeater(r, mirrorLoop(t, c.answer)+"/path", c.ask)
			p.run(100)
			n := 1000
			if runtime.GOOS == "windows" {
				n = 100 // under wine a request takes a millisecond, and ten where the machine is busy
			}
			// It counts what the whole process does, and what run itself takes. A collection empties what is
			// pooled at any time, so it is asked until few have come.
			const most = 20
			until(t, fmt.Sprintf("%d allocations at most for %d requests", most, n), func() bool {
				return testing.AllocsPerRun(5, func() { p.run(n) }) <= most || debugging
			})
		})
	}
}

// TestSystemCalls counts what a request costs beside the look: one read and one write.
func TestSystemCalls(t *testing.T) {
	r := start(t, &Client{})
	p := newRepeater(r, mirrorLoop(t, okAnswer), func(q Request) { q.End("") })
	p.run(10)
	const n = 100
	// On a busy machine an answer may come in two turns. So it is asked until none does.
	until(t, fmt.Sprintf("%d requests take as many reads and writes", n), func() bool {
		r.do(func() {})
		r.do(func() {})
		before := r.loop.Stats()
		p.run(n)
		r.do(func() {})
		r.do(func() {})
		after := r.loop.Stats()
		return after.Reads-before.Reads == n && after.Writes-before.Writes == n
	})
}

// TestIdleMemory is what an idle connection holds: its conn.Conn, its session, its
// slot.
func TestIdleMemory(t *testing.T) {
	const n = 400
	url := mirrorLoop(t, okAnswer)
	r := start(t, &Client{MaxIdle: -1})
	burst := func() {
		ch := make(chan got, n)
		r.do(func() {
			for range n {
				r.pool.Get(url, collect(ch))
			}
		})
		for range n {
			wait(t, ch)
		}
	}
	burst()
	until(t, "no dial is under way", func() (ok bool) {
		r.do(func() { ok = uint64(r.pool.idle.n) == r.pool.Stats().Dials })
		return ok
	})
	measure := func() (m runtime.MemStats) {
		for range 3 { // what is pooled goes in two
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m
	}
	with := measure()
	r.do(func() { r.pool.CloseIdle() })
	until(t, "they are closed", func() bool { return r.loop.Stats().Open == 0 })
	without := measure()
	// The server's end is in the sum: a conn.Conn of its own.
	objects := float64(with.HeapObjects-without.HeapObjects) / n
	if bytes := float64(with.HeapAlloc-without.HeapAlloc) / n; objects > 4 || bytes > 600 {
		t.Errorf("an idle connection holds %.2f objects, %.0f bytes on the heap, both ends", objects, bytes)
	} else {
		t.Logf("an idle connection holds %.2f objects, %.0f bytes on the heap, both ends", objects, bytes)
	}
}

// TestSizes: when thousands of requests wait for connections that are being opened, these two are most of
// what they hold. It is garbage afterwards, and Go is slow to give that back.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(exchange{}); n > 320 {
		t.Errorf("an exchange is %d bytes", n)
	}
	if n := unsafe.Sizeof(session{}); n > 144 {
		t.Errorf("a session is %d bytes", n)
	}
}

func BenchmarkGet(b *testing.B) {
	r := start(b, &Client{})
	body := strings.Repeat("x", 12)
	p := newRepeater(r, mirrorLoop(b, "HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 12\r\n\r\n"+body), func(q Request) { q.End("") })
	p.run(100)
	b.ReportAllocs()
	b.ResetTimer()
	p.run(b.N)
}
