// Splitters: the ways in which a network may cut the same bytes.

package fuzz

import "iter"

// Split cuts b into pieces at random: at few places or many, and some of them where parsers are
// sore, within a line's end.
func (g *Gen) Split(b []byte) (pieces [][]byte) {
	most := 1 + g.rand.Intn(len(b)+1)
	for len(b) > 0 {
		n := 1 + g.rand.Intn(min(most, len(b)))
		if g.rand.Intn(3) == 0 { // move to the next CR, or just after it
			for n < len(b) && b[n] != '\r' && b[n-1] != '\r' {
				n++
			}
		}
		pieces = append(pieces, b[:n:n])
		b = b[n:]
	}
	return pieces
}

// Splits yields b whole, byte by byte, and in two pieces at every point. Pieces alias b.
func Splits(b []byte) iter.Seq[[][]byte] {
	return func(yield func([][]byte) bool) {
		if !yield([][]byte{b}) {
			return
		}
		var bytewise [][]byte
		for i := range b {
			bytewise = append(bytewise, b[i:i+1:i+1])
		}
		if !yield(bytewise) {
			return
		}
		for i := 1; i < len(b); i++ {
			if !yield([][]byte{b[:i:i], b[i:]}) {
				return
			}
		}
	}
}
