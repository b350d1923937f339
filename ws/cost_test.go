// What connections and messages cost: bytes and allocations. These tests are not
// parallel.

//go:build unix

package ws

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 80 {
		t.Errorf("a Conn has %d bytes, want 80 at most", n)
	}
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	h := echo()
	h.MaxMessage = 1 << 20
	for _, c := range []struct {
		name string
		in   []byte
		out  int
	}{
		{"64 bytes", text(k64[:64]), 2 + 64},
		{"512 bytes", text(k64[:512]), 4 + 512},
		{"16 KiB", bin(k64[:16<<10]), 4 + 16<<10},
		{"128 KiB, in two reads", bin(k64 + k64), 10 + 128<<10},
		{"fragments", append(begin(Text, "a"), end("b")...), 2 + 2},
		{"16 at once", bytes.Repeat(text("hello"), 16), 16 * (2 + 5)},
		{"ping", ping("hello"), 2 + 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, h)
			fd := s.dial().Raw()
			out := make([]byte, c.out)
			for range 100 {
				fd.Round(c.in, out)
			}
			if n := testing.AllocsPerRun(2000, func() { fd.Round(c.in, out) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// What a message costs that comes compressed and goes so.
func TestDeflateAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	h := echo()
	h.Deflate = &Deflate{}
	p := start(t, h).dial("Sec-WebSocket-Extensions: permessage-deflate")
	in := zip(Text, squeeze(mixed))
	p.send(in)
	f, err := p.read()
	if err != nil || f.head&rsv1Bit == 0 {
		t.Fatal(f, err)
	}
	fd, out := p.Raw(), make([]byte, len(appendHead(nil, 0, 0, len(f.data)))+len(f.data))
	if n := testing.AllocsPerRun(500, func() { fd.Round(in, out) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What a message costs a client, whose frames have masks.
func TestClientAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	p := newPuppet(t)
	served := make(chan error, 1)
	go func() { served <- p.serve("") }()
	var d Dialer
	if r := d.on(t, runLoop(t), p.url(), echo()); r.err != nil {
		t.Fatal(r.err)
	}
	if err := wait(t, served); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{5, 512, 16 << 10} {
		in := AppendFrame(nil, Text, []byte(k64[:n]))
		fd, out := p.peer.Raw(), make([]byte, len(in)+4)
		fd.Round(in, out)
		if n := testing.AllocsPerRun(500, func() { fd.Round(in, out) }); n != 0 {
			t.Errorf("%v allocations for %d bytes", n, len(in))
		}
	}
}

// TestIdleMemory is what a connection holds that waits for a message.
func TestIdleMemory(t *testing.T) {
	const n = 400
	s := start(t, echo())
	fds := make([]loopback.Raw, n)
	for i := range fds {
		fds[i] = s.dial().Raw()
	}
	out := make([]byte, 2+5)
	for _, fd := range fds {
		fd.Round(text("hello"), out)
	}
	var before, after runtime.MemStats
	heap := func(m *runtime.MemStats) {
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(m)
	}
	heap(&after)
	for _, fd := range fds {
		syscall.Shutdown(fd.FD, syscall.SHUT_WR)
	}
	until(t, "all are gone", func() bool {
		heap(&before)
		return int64(after.HeapObjects)-int64(before.HeapObjects) > 2*n-50
	})
	bytes, objects := float64(after.HeapAlloc-before.HeapAlloc)/n, float64(after.HeapObjects-before.HeapObjects)/n
	t.Logf("%.0f bytes in %.2f objects each", bytes, objects)
	if !raceEnabled && (bytes > 320 || objects > 3) {
		t.Errorf("%.0f bytes in %.2f objects each", bytes, objects)
	}
}

// A bomb costs the limit and little more, in memory that is allocated.
func TestBombMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	h := echo()
	h.Deflate = &Deflate{}
	s := start(t, h)
	bomb := zip(Binary, squeeze(strings.Repeat("\x00", 10<<20)))
	const rounds = 20
	attack := func() {
		p := s.dial("Sec-WebSocket-Extensions: permessage-deflate")
		p.send(bomb)
		if got := p.all(); got != "close 1009" {
			t.Fatal(got)
		}
		p.Close()
	}
	attack()
	// What is pooled is lost to a collection, which may come at any time. So it is asked until few have come.
	const most = DefaultMaxMessage + 128<<10
	until(t, fmt.Sprintf("%d bytes at most are allocated for a bomb, the client's included", most), func() bool {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			attack()
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc-before.TotalAlloc)/rounds <= most
	})
}
