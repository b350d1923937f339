package parser

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// bytewise is Next with step alone: what chunk and skip have to agree with. It returns all the data
// in p, and where reading ended.
func (b *Body) bytewise(p []byte) (data []byte, n int, err error) {
	start := b.off
	for n < len(p) && err == nil {
		if b.state == bodyData {
			data = append(data, p[n])
			if b.left--; b.left == 0 {
				b.state = bodyDataCR
			}
			n++
			continue
		}
		if e := b.step(p[n]); e != 0 {
			b.state, b.err, err = bodyFailed, e, e
			break
		}
		n++
		if b.state == bodyDone {
			err = io.EOF
		} else if b.state == bodyTrailer && b.opts&keepsTrailer != 0 {
			b.state, err = bodyAtTrailer, ErrTrailer
		}
	}
	b.off = start + int64(n)
	return data, n, err
}

// whole is Next until it has used up p, or the body ends.
func (b *Body) whole(p []byte) (data []byte, n int, err error) {
	for err == nil {
		d, used, e := b.Next(p[n:])
		if e == nil && len(d) == 0 && used != len(p)-n {
			panic("Next wants more and has not used up all")
		}
		data, n, err = append(data, d...), n+used, e
		if used == 0 {
			break
		}
	}
	return data, n, err
}

// agree holds the two against each other on in, split where cut says: content, errors, offsets, and the
// whole of the decoder's state after each piece, accounts included.
func agree(t *testing.T, in []byte, start Body, cuts ...int) {
	t.Helper()
	a, b := start, start
	at := 0
	for _, cut := range append(cuts, len(in)) {
		p := in[at:max(cut, at):max(cut, at)]
		da, na, ea := a.whole(p)
		db, nb, eb := b.bytewise(p)
		if ea == io.EOF { // the accounts are closed
			a.extra, b.extra = 0, 0
		}
		if string(da) != string(db) || na != nb || ea != eb || a != b {
			t.Fatalf("%q, cut at %v, from %+v:\n%q %d %v %+v\nbytewise:\n%q %d %v %+v", in, cuts, start, da, na, ea, a, db, nb, eb, b)
		}
		if at += na; ea != nil {
			return
		}
	}
}

var chunkedBodies = []string{
	"5\r\nhello\r\n0\r\n\r\nGET",
	"10\r\n0123456789abcdef\r\nA\r\n0123456789\r\n00\r\n\r\n",
	"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n001\r\nd\r\n0000001\r\ne\r\n00000001\r\nf\r\n0\r\nX-A: b\r\nc:\r\n\r\n",
	"3;a;b=c ; d = \"e \\\" f\"\r\nabc\r\n2 ;x=\"\x80\t\"\r\nab\r\n0;last\r\nTrailer: a value, not too short a one\r\n\r\n",
	"fFfFfF\r\nabc",
	"7fffffff\r\nabc",
	"7fffffffffffffff\r\nabc",
	"0\r\n\r\n",
	"1\r\na\r\n0\r\n\r\n",
	"2\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n",
}

// TestChunkedPathsAgree: bodies, and what a few changed bytes make of them, whole, split anywhere, and
// with accounts that are about to run over.
func TestChunkedPathsAgree(t *testing.T) {
	t.Parallel()
	starts := []Body{{state: bodyChunked}, {state: bodyChunked, opts: keepsTrailer}, {state: bodyChunked, opts: repairs}}
	for near := uint16(0); near < 16; near++ {
		starts = append(starts, Body{state: bodyChunked, extra: maxExcess - near})
	}
	for _, s := range chunkedBodies {
		for _, start := range starts {
			for cut := range len(s) + 1 {
				agree(t, []byte(s), start, cut)
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const bytes = "\r\n\r\n00123aAfFgG:;=\" \t\\x\x00\x7f\x80"
	for range 200_000 {
		in := mutated(rng, chunkedBodies[rng.IntN(len(chunkedBodies))], bytes)
		start := starts[rng.IntN(len(starts))]
		cut := rng.IntN(len(in) + 1)
		agree(t, in, start, cut, cut+rng.IntN(len(in)-cut+1))
	}
}

// TestChunkSizes: every size of up to two bytes of digits, with zeros before it; and every byte in place
// of each digit.
func TestChunkSizes(t *testing.T) {
	t.Parallel()
	for zeros := range 4 {
		for size := range 300 {
			s := fmt.Sprintf("%s%x\r\n%s\r\n%[1]s%[2]X\r\n%[3]s\r\n0\r\n\r\n", strings.Repeat("0", zeros), size, strings.Repeat("x", size))
			agree(t, []byte(s), Body{state: bodyChunked})
		}
	}
	for at := range len("1000\r\n") {
		for c := range 256 {
			in := []byte("1\r\na\r\n1000\r\n" + strings.Repeat("x", 5000))
			in[6+at] = byte(c)
			agree(t, in, Body{state: bodyChunked})
		}
	}
}

// FuzzChunked is TestChunkedPathsAgree on any bytes.
func FuzzChunked(f *testing.F) {
	for i, s := range chunkedBodies {
		f.Add([]byte(s), uint16(i), uint16(7), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut, near uint16, keep bool) {
		var opts bodyOpts
		if keep {
			opts = keepsTrailer
		}
		for _, extra := range []uint16{0, maxExcess - near%64} {
			agree(t, in, Body{state: bodyChunked, opts: opts, extra: extra}, int(cut)%(len(in)+1))
		}
	})
}
