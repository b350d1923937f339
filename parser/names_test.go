package parser

import (
	"math/rand"
	"strings"
	"testing"
)

// TestNamesHavePerfectHash: no two known names share a slot.
func TestNamesHavePerfectHash(t *testing.T) {
	perfect := func(factor uint32) bool {
		var used [256]bool
		for _, name := range names[1:] {
			slot := ((lastFour(name) | spaces) + 8*uint32(len(name))) * factor >> 24
			if used[slot] {
				return false
			}
			used[slot] = true
		}
		return true
	}
	if len(names) > 64 {
		t.Fatalf("%d names", len(names))
	}
	if !perfect(nameFactor) {
		keys := map[uint32]string{}
		for _, name := range names[1:] {
			key := (lastFour(name) | spaces) + 8*uint32(len(name))
			if other := keys[key]; other != "" {
				t.Fatalf("%q and %q have one key: no factor tells them apart", name, other)
			}
			keys[key] = name
		}
		for range 1_000_000 {
			if f := rand.Uint32() | 1; perfect(f) {
				t.Fatalf("nameFactor is not perfect for these names; %#x is", f)
			}
		}
		t.Fatal("nameFactor is not perfect, and no other was found")
	}
}

// TestKnownNames: each known name is found in any case, and nothing that is close to one is.
func TestKnownNames(t *testing.T) {
	find := func(name string) (uint32, uint32) {
		at := uint32(0)
		for _, tail := range []string{": v\r\n\r\n", ": and a value that is long enough to be read in words\r\n\r\n"} {
			in := []byte("GET / HTTP/1.1\r\n" + name + tail)
			at = knownName(in, 16, 16+len(name))
			if alone := knownName(in[16:], 0, len(name)); alone != at {
				t.Errorf("%q: %d at the start of a buffer, %d in it", name, alone, at)
			}
		}
		return at, knownString(name)
	}
	for id, name := range names {
		if id == 0 {
			continue
		}
		for _, s := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			if a, b := find(s); a != uint32(id) || b != uint32(id) {
				t.Errorf("%q: %d, %d", s, a, b)
			}
		}
		for _, s := range []string{name + "s", "x" + name, name[1:], name[:len(name)-1], name + "-", "\"" + name[1:]} {
			if a, b := find(s); a == uint32(id) || b == uint32(id) {
				t.Errorf("%q is taken for %q", s, name)
			}
		}
		for i := range name {
			for _, c := range []byte("!#$%&'*+.^_`|~0z9-") {
				s := name[:i] + string(c) + name[i+1:]
				if a, b := find(s); s != name && (a == uint32(id) || b == uint32(id)) {
					t.Errorf("%q is taken for %q", s, name)
				}
			}
		}
	}
}
