//go:build unix

// Memory that faults when the parser strays: input that ends at an unmapped page, and the parts of a
// head that were looked at before, taken away.

package fuzz

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/parser"
)

// guarded is some pages, with one behind them that cannot be touched.
type guarded struct {
	all  []byte
	room []byte // all but the last page
}

func newGuarded(t testing.TB, size int) *guarded {
	page := os.Getpagesize()
	n := (size + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, n+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(all) })
	if err := unix.Mprotect(all[n:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return &guarded{all, all[:n:n]}
}

// end puts b where it ends at the page that faults.
func (g *guarded) end(b []byte) []byte {
	at := len(g.room) - len(b)
	copy(g.room[at:], b)
	return g.room[at:]
}

// orFatal makes a fault fail the test, and say on what.
func orFatal(t testing.TB, what func() []byte) {
	if r := recover(); r != nil {
		t.Fatalf("%v\n%.3000q", r, what())
	}
}

// FuzzGuard: nothing is read after the input's end, in any of its prefixes.
func FuzzGuard(f *testing.F) {
	addWire(f, func(g *Gen) []byte { w, _ := g.Request(); return w })
	f.Fuzz(func(t *testing.T, wire []byte) { checkGuard(t, newGuarded(t, 32<<10), wire) })
}

func TestSoakGuard(t *testing.T) {
	guard := newGuarded(t, 64<<10)
	for i := range min(*soakN, 2000) {
		seed := *soakSeed + int64(i)
		g := New(seed)
		wire, _ := g.Request()
		checkGuard(seeded{t, seed}, guard, wire)
		wire, _ = g.Mutate(wire)
		checkGuard(seeded{t, seed}, guard, wire)
		wire, _ = g.Response()
		checkGuard(seeded{t, seed}, guard, wire)
	}
}

func checkGuard(t testing.TB, guard *guarded, wire []byte) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	n := 0
	defer orFatal(t, func() []byte { return wire[:n] })
	if len(wire) > len(guard.room) {
		wire = wire[:len(guard.room)]
	}
	request := parser.Request{Head: parser.Head{Fields: make([]parser.Field, 0, maxFields)}}
	response := parser.Response{Head: parser.Head{Fields: make([]parser.Field, 0, maxFields)}}
	step := 1 + len(wire)/500
	for n = 0; n <= len(wire); n += step {
		b := guard.end(wire[:n])
		request.Reset()
		if head, err := request.Parse(b); head > 0 && err == nil {
			request.Get(b, "X")
			body := request.Body()
			for rest := b[head:]; len(rest) > 0; {
				_, used, err := body.Next(rest)
				if err != nil || used == 0 {
					break
				}
				rest = rest[used:]
			}
		}
		response.Reset()
		response.Parse(b)
		body := (&parser.Head{Framing: parser.Chunked}).Body()
		body.Next(b)
	}
}

// Lines and heads that do not end, for TestWorkIsLinear.
var endless = []struct{ name, begin, fill, end string }{
	{"target", "GET /", "a", " HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"value", "GET / HTTP/1.1\r\nHost: x\r\nCookie: ", "a", "\r\n\r\n"},
	{"name", "GET / HTTP/1.1\r\nHost: x\r\n", "a", ": x\r\n\r\n"},
	{"many fields", "GET / HTTP/1.1\r\nHost: x\r\n", "A: b\r\n", "\r\n"},
}

// TestWorkIsLinear: what was looked at in one call is not looked at again in the next one. There is
// no clock in it: the input arrives piece by piece, and each time all pages but the newest are made
// to fault while Parse runs. A rescan of the line, or of the head, strays into them.
func TestWorkIsLinear(t *testing.T) {
	for _, e := range endless {
		for _, piece := range []int{1, 7, 64, 1000} {
			size := 64 * os.Getpagesize()
			if piece < 64 {
				size /= 8
			}
			wire := []byte(e.begin + strings.Repeat(e.fill, size/len(e.fill)))
			r := parser.Request{Head: parser.Head{Fields: make([]parser.Field, 0, size), MaxSize: size * 2}}
			parse := func(b []byte) error { _, err := r.Parse(b); return err }
			if err := feedTakingPagesAway(t, wire, piece, parse); err != nil {
				t.Fatalf("%s in pieces of %d: %v", e.name, piece, err)
			}
			whole := append(wire, e.end...)
			if head, err := r.Parse(whole); err != nil || head != len(whole) {
				t.Fatalf("%s in pieces of %d: %d of %d, %v", e.name, piece, head, len(whole), err)
			}
			rescan := func(b []byte) error { r.Reset(); return parse(b) }
			if err := feedTakingPagesAway(t, wire, piece, rescan); err == nil {
				t.Fatalf("%s in pieces of %d: this test does not notice a rescan", e.name, piece)
			}
		}
	}
}

// feedTakingPagesAway gives parse longer and longer prefixes of wire. The error is parse's, or a fault.
func feedTakingPagesAway(t *testing.T, wire []byte, piece int, parse func([]byte) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	guard := newGuarded(t, len(wire))
	copy(guard.room, wire)
	page, taken := os.Getpagesize(), 0
	for n := piece; n <= len(wire); n += piece {
		// A page goes when the call before had come a whole page further.
		if upTo := (n-piece)/page*page - page; upTo > taken {
			if err := unix.Mprotect(guard.room[taken:upTo], unix.PROT_NONE); err != nil {
				t.Fatal(err)
			}
			taken = upTo
		}
		if err := parse(guard.room[:n:n]); err != nil {
			return err
		}
	}
	if taken < 4*page {
		t.Fatalf("%d bytes were taken away", taken)
	}
	return nil
}
