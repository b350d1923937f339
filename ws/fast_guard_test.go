//go:build amd64 && !purego && unix

package ws

import (
	"os"
	"runtime/debug"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// TestFastAtUnmappedPage: nothing is read or written after the page that the input ends on, nor
// before the one it begins on.
func TestFastAtUnmappedPage(t *testing.T) {
	if !hasFast {
		t.Skip("this processor has no AVX2")
	}
	page := os.Getpagesize()
	all, err := unix.Mmap(-1, 0, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(all)
	for _, guard := range [][]byte{all[:page], all[2*page:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	room := all[page : 2*page]
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, s := range texts {
		for n := range len(s) + 1 {
			for _, in := range [][]byte{room[:n], room[page-n:]} {
				copy(in, s)
				if got, want := validText(0, in) == utf8Whole, utf8.Valid(in); got != want {
					t.Fatalf("%q: %v, want %v", in, got, want)
				}
				Mask(in, 0x01020304)
				if Mask(in, 0x01020304); string(in) != s[:n] {
					t.Fatalf("a mask twice: %q, want %q", in, s[:n])
				}
			}
		}
	}
}

func TestPortable(t *testing.T) {
	if !hasFast {
		t.Skip("this processor has no AVX2: there is nothing else")
	}
	defer func(was bool) { hasFast = was }(hasFast)
	hasFast = false
	testMask(t)
	testPieces(t)
}
