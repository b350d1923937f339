//go:build (amd64 || arm64) && !purego && unix

package parser

import (
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFastAtUnmappedPage: nothing is read after the page that the input ends on, nor before the one
// it begins on. Every prefix of a head ends there, and then every one with some room to spare.
func TestFastAtUnmappedPage(t *testing.T) {
	needFast(t)
	page := os.Getpagesize()
	all, err := unix.Mmap(-1, 0, 4*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(all)
	for _, guard := range [][]byte{all[:page], all[3*page:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	room := all[page : 3*page]
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var in []byte
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%v, on %q", r, in)
		}
	}()

	p := newPair(64)
	trailer := Trailer{Fields: make([]Field, 0, 64)}
	for _, s := range slices.Concat(diverse, benchmarkHeads()) {
		for n := range len(s) + 1 {
			for _, spare := range []int{0, 1, 31, 63, 64, 65} {
				if n%7 != 0 && spare != 0 {
					continue
				}
				at := len(room) - n - spare
				in = room[at : at+n : at+n]
				copy(in, s)
				if err := p.agree(in); err != nil {
					t.Fatalf("%q, %d bytes before the page's end: %v", in, spare, err)
				}
			}
		}
		// The start of a section at the start of a page.
		for _, first := range []string{"a: b\r\n", "Te: b\r\n", "age:\r\n"} {
			in = room[:copy(room, first+s)]
			trailer.Reset()
			trailer.Parse(in)
		}
	}
}
