// UTF-8 and masks: the fast ways against the plain ones.

package ws

import (
	"bytes"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// prefixes returns, for each n, whether the first n bytes can begin a text: by
// trying what could follow.
func prefixOK(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 {
			return slices.ContainsFunc(endings, func(e string) bool { return utf8.ValidString(string(p)+e) && len(p) < utf8.UTFMax })
		}
		p = p[n:]
	}
	return true
}

var endings = func() (all []string) {
	for _, a := range []string{"\x80", "\x90", "\xa0", "\xbf"} {
		all = append(all, a, a+"\x80", a+"\x80\x80")
	}
	return all
}()

func TestUTF8States(t *testing.T) {
	t.Parallel()
	// Every string of up to four bytes that begins with a lead byte, over bytes that matter.
	edge := []byte{0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff}
	var try func(p []byte)
	try = func(p []byte) {
		state := utf8Whole
		for i, c := range p {
			if state = utf8Next(state, c); (state != utf8Wrong) != prefixOK(p[:i+1]) {
				t.Fatalf("% x: state %d behind %d bytes", p, state, i+1)
			}
			if state == utf8Wrong {
				break
			}
		}
		if (state == utf8Whole) != utf8.Valid(p) {
			t.Fatalf("% x: state %d, but it is valid: %v", p, state, utf8.Valid(p))
		}
		if whole := validText(0, p); whole != state {
			t.Fatalf("% x: state %d, at once %d", p, state, whole)
		}
		if len(p) == 5 || state == utf8Wrong {
			return
		}
		for _, c := range edge {
			try(append(p[:len(p):len(p)], c))
		}
	}
	try(nil)
}

var texts = []string{
	strings.Repeat("The quick brown fox jumps over the lazy dog. ", 8),
	strings.Repeat("Übergrößenträger, naïve façade — ", 8),
	strings.Repeat("Съешь же ещё этих мягких французских булок. ", 8),
	strings.Repeat("いろはにほへと ちりぬるを", 8),
	strings.Repeat("a😀b𝄞 ", 40),
	strings.Repeat("\x00\x7f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff", 10),
}

// Each text with one byte changed, at any place, to any value that matters.
func TestUTF8Changed(t *testing.T) {
	t.Parallel()
	for _, s := range texts {
		p := []byte(s)
		for i := range p {
			old := p[i]
			for _, c := range []byte{0x41, 0x80, 0x90, 0xa0, 0xbf, 0xc0, 0xc3, 0xe0, 0xe2, 0xed, 0xf0, 0xf1, 0xf4, 0xf5, 0xff} {
				p[i] = c
				for _, in := range [][]byte{p, p[:i+1], p[i:], p[max(0, i-40):min(len(p), i+40)]} {
					if got, want := validText(0, in) == utf8Whole, utf8.Valid(in); got != want {
						t.Fatalf("valid: %v, want %v: %q", got, want, in)
					}
				}
			}
			p[i] = old
		}
	}
}

// Cut in pieces anywhere, a text is read as in one piece.
func TestUTF8Pieces(t *testing.T) {
	t.Parallel()
	testPieces(t)
}

func testPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		p := []byte(texts[r.IntN(len(texts))])
		p = p[r.IntN(len(p)):]
		if r.IntN(2) == 0 {
			p[r.IntN(len(p))] = byte(r.Uint32())
		}
		state := utf8Whole
		for rest := p; len(rest) > 0 && state != utf8Wrong; {
			n := min(len(rest), 1+r.IntN(1+r.IntN(150)))
			state = validText(state, rest[:n])
			rest = rest[n:]
			if seen := p[:len(p)-len(rest)]; (state != utf8Wrong) != prefixOK(seen) {
				t.Fatalf("%q: state %d", seen, state)
			}
		}
		if (state == utf8Whole) != utf8.Valid(p) {
			t.Fatalf("%q: state %d", p, state)
		}
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	testMask(t)
}

func testMask(t *testing.T) {
	room := make([]byte, 700)
	for n := range 300 {
		for _, at := range []int{0, 1, 3, 7, 8, 31, 32, 33} {
			key := rand.Uint32() | 1
			for i := range room {
				room[i] = byte(i * 7)
			}
			want := bytes.Clone(room)
			k := key
			for i := at; i < at+n; i++ {
				want[i] ^= byte(k)
				k = bits.RotateLeft32(k, -8)
			}
			next := Mask(room[at:at+n], key)
			if !bytes.Equal(room, want) || next != k {
				t.Fatalf("%d bytes at %d, key %x", n, at, key)
			}
		}
	}
}

func BenchmarkMask(b *testing.B) {
	for _, n := range []int{64, 512, 4096, 65536} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := make([]byte, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				Mask(p, 0x12345678)
			}
		})
	}
}

func BenchmarkUTF8(b *testing.B) {
	for i, name := range []string{"ascii", "latin", "cyrillic", "japanese", "emoji"} {
		for _, n := range []int{64, 512, 16 << 10} {
			p := bytes.Repeat([]byte(texts[i]), 1+n/len(texts[i]))[:n]
			b.Run(fmt.Sprintf("%s-%d", name, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					if validText(0, p) == utf8Wrong {
						b.Fatal()
					}
				}
			})
		}
	}
}

func BenchmarkParser(b *testing.B) {
	for _, n := range []int{64, 512, 16 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			frame := AppendMaskedFrame(nil, Text, bytes.Repeat([]byte("Hello 12"), n/8), 0x12345678)
			in := make([]byte, len(frame))
			var p Parser
			b.SetBytes(int64(n))
			for b.Loop() {
				copy(in, frame)
				if piece, _, err := p.Parse(in); err != nil || !piece.Last() {
					b.Fatal(err)
				}
			}
		})
	}
}
