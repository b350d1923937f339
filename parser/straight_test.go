package parser

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// bothWays parses in at once, which is the straight way as far as it goes, and byte by byte, which never
// is, and says where they differ.
func bothWays(in []byte, response bool) error {
	var a, b Request
	var c, d Response
	heads := []*Head{&a.Head, &b.Head}
	if response {
		heads = []*Head{&c.Head, &d.Head}
	}
	for _, h := range heads {
		h.Fields, h.plain = make([]Field, 0, 24), true
	}
	n, m, err, err2 := 0, 0, error(nil), error(nil)
	if response {
		n, err = c.Parse(in)
	} else {
		n, err = a.Parse(in)
	}
	for have := 1; have <= len(in) && m == 0 && err2 == nil; have++ {
		if response {
			m, err2 = d.Parse(in[:have:have])
		} else {
			m, err2 = b.Parse(in[:have:have])
		}
	}
	if n != m || err != err2 || heads[0].errOff != heads[1].errOff {
		return fmt.Errorf("%d, %v at %d; byte by byte %d, %v at %d", n, err, heads[0].errOff, m, err2, heads[1].errOff)
	}
	if n == 0 {
		return nil
	}
	for i, f := range heads[1].Fields {
		if i >= len(heads[0].Fields) || heads[0].Fields[i] != f {
			return fmt.Errorf("field %d: %v; byte by byte %v", i, heads[0].Fields, f)
		}
	}
	for _, h := range heads {
		h.Fields, h.start, h.colon = nil, 0, 0 // where the last line was
	}
	if x, y := fmt.Sprint(a, c), fmt.Sprint(b, d); x != y {
		return fmt.Errorf("%s\nbyte by byte\n%s", x, y)
	}
	return nil
}

// TestStraightAgrees: the benchmarks' heads, cut off anywhere, and with a few bytes changed.
func TestStraightAgrees(t *testing.T) {
	t.Parallel()
	heads := append(mixed(40), curlHead, techEmpowerHead, nineFieldHead, chromeHead, responseHead,
		head("OPTIONS * HTTP/1.0", "Host: [::1]:80", "A: \xff~b", "X-A-Name-Of-More-Than-Thirty-Two-Bytes-In-All: 1", "TE:\ttrailers", "via: "),
		head("CONNECT a.example:443 HTTP/1.1", "Host: a.example:443", "Content-Length: 0"),
		head("GET http://b/?x#y HTTP/1.1", "hOST: a_b"),
		head("HTTP/1.0 404 ", "a: b"))
	try := func(in []byte) {
		for _, response := range []bool{false, true} {
			if err := bothWays(in, response); err != nil {
				t.Fatalf("%q, response %v: %v", in, response, err)
			}
		}
	}
	for _, h := range heads {
		for cut := range len(h) {
			try([]byte(h[:cut]))
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	const some = "\r\n\r\n :?#\t\x00\x1f\x7f\x80\xff~-aZ09@[`{/"
	rounds := 8000
	if testing.Short() {
		rounds = 3000
	}
	for range rounds {
		try(mutated(rng, heads[rng.IntN(len(heads))], some))
	}
}

// mutated returns a copy of s in which up to three bytes are replaced, inserted or taken out. New ones are
// from bytes.
func mutated(rng *rand.Rand, s, bytes string) []byte {
	in := []byte(s)
	for n := 1 + rng.IntN(3); n > 0 && len(in) > 0; n-- {
		i, c := rng.IntN(len(in)), bytes[rng.IntN(len(bytes))]
		switch rng.IntN(3) {
		case 0:
			in[i] = c
		case 1:
			in = slices.Insert(in, i, c)
		case 2:
			in = slices.Delete(in, i, i+1)
		}
	}
	return in
}

// TestStraightBytes: every byte at every place of lines whose lengths are around those of words, with
// every number of bytes after it: few, and enough for a window.
func TestStraightBytes(t *testing.T) {
	t.Parallel()
	after := [8]string{"-and-a-name-that-nobody-knows"}
	for _, size := range []int{0, 1, 7, 8, 15, 16, 23, 24, 25, 33} {
		line := append([]byte("Accept: "), bytes.Repeat([]byte("a"), size)...)
		for at := range len(line) {
			for c := range 256 {
				l := bytes.Clone(line)
				l[at] = byte(c)
				in := "GET / HTTP/1.0\r\n" + string(l) + "\r\n" + strings.Repeat("x", c%5) + after[(c+at)%len(after)] + ":\r\n\r\n"
				if err := bothWays([]byte(in), false); err != nil {
					t.Fatalf("%q: %v", in, err)
				}
			}
		}
	}
}

// TestStraightEnds: where storage ends, and where a section is all that there is.
func TestStraightEnds(t *testing.T) {
	for room := range 4 {
		r := Request{Head: Head{Fields: make([]Field, 0, room)}}
		in := head("GET / HTTP/1.1", "Host: a", "Accept: */*", "X-Long: and so on", "X-Other: not for this one")
		if _, err := r.Parse([]byte(in)); err != ErrFields || !strings.HasPrefix(in[r.ErrorOffset():], []string{"Host", "Accept", "X-Long", "X-Other"}[room]) {
			t.Errorf("room for %d: %v at %d", room, err, r.ErrorOffset())
		}
	}
	for _, name := range []string{"a", "te", "via", "etag", "Server-Timing"} {
		tr := Trailer{Fields: make([]Field, 0, 4)}
		in := []byte(name + ": the value is long enough\r\n\r\n")
		if n, err := tr.Parse(in); n != len(in) || err != nil || string(tr.Get(in, name)) != "the value is long enough" {
			t.Errorf("%q: %d, %v", in, n, err)
		}
	}
}

// TestWords: what looks at eight bytes at once, on every byte at each place among others.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, fill := range []byte("a\x00\x7f\x80\xff/") {
		for at := range 8 {
			for c := range 256 {
				b := bytes.Repeat([]byte{fill}, 8)
				b[at] = byte(c)
				x := load64(b, 0)
				for i, c := range b {
					mark := func(y uint64) bool { return y>>(8*i+7)&1 == 1 }
					if host := is(c, isAlpha|isDigit) || c == '-' || c == '.'; mark(plainHost(x)) != host {
						t.Fatalf("plainHost(%q) at %d", b, i)
					}
					if g := gather(x)>>i&1 == 1; g != mark(x) {
						t.Fatalf("gather(%q) at %d", b, i)
					}
				}
				first := func(name string, got uint64, is func(c byte) bool) {
					for i, c := range b {
						if is(c) {
							if low := got & -got; low != 0x80<<(8*i) {
								t.Fatalf("%s(%q) is %x, not first at %d", name, b, got, i)
							}
							return
						}
					}
					if got != 0 {
						t.Fatalf("%s(%q) is %x", name, b, got)
					}
				}
				first("zeros", zeros(x), func(c byte) bool { return c == 0 })
				first("notTargets", notTargets(x), func(c byte) bool { return !is(c, isTarget) })
				first("controls", controls(x, 0x20), func(c byte) bool { return c < 0x20 || c == 0x7f })
				first("unprintable", unprintable(x)&highs, func(c byte) bool { return c < 0x20 || c >= 0x7f })
				if !slices.ContainsFunc(b, func(c byte) bool { return c >= 0x80 }) {
					first("colons", colons(x)&highs, func(c byte) bool { return c == ':' })
				}
				if !bytes.Contains(b, []byte{0xff}) {
					first("ends", ends(x)&highs, func(c byte) bool { return c < 0x20 || c == 0x7f })
				}
			}
		}
	}
}
