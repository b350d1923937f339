// Gen: where the choices come from, and what can be asked for.

package fuzz

import (
	"encoding/binary"
	"math/rand"

	gofuzz "github.com/google/gofuzz"
)

// Gen makes HTTP/1 messages, mutants and splits. The same seed, or the same bytes, make the same
// things in the same order, as long as this package stays the same. One goroutine at a time may
// use a Gen; what it returns belongs to the caller.
type Gen struct {
	rand   *rand.Rand
	filler *gofuzz.Fuzzer
}

// New returns a Gen whose choices follow from a seed.
func New(seed int64) *Gen { return newGen(rand.NewSource(seed)) }

// FromBytes returns a Gen whose choices are data's, for testing.F: the first eight bytes are a seed, and
// each byte after them makes one choice, until they are used up and the seed decides. So the
// fuzzing engine, when it changes a byte, changes one choice.
func FromBytes(data []byte) *Gen {
	var seed [8]byte
	rest := data[copy(seed[:], data):]
	return newGen(&byteSource{rest, rand.NewSource(int64(binary.BigEndian.Uint64(seed[:])))})
}

func newGen(s rand.Source) *Gen {
	f := gofuzz.New().RandSource(s).NilChance(0).NumElements(0, 6)
	f.Funcs(atoms...).Funcs(messages...)
	return &Gen{rand: rand.New(s), filler: f}
}

// Request makes a well-formed request with a body, and the one reading of it.
func (g *Gen) Request() (wire []byte, want Message) {
	var r request
	g.filler.Fuzz(&r)
	return r.bytes(), r.message()
}

// Response makes a well-formed response, and the one reading of it; want.Method is the method of the
// request that it answers. If want.UntilClose, the end of the connection has to follow.
func (g *Gen) Response() (wire []byte, want Message) {
	var r response
	g.filler.Fuzz(&r)
	return r.bytes(), r.message()
}

// Pipeline makes n well-formed requests in a row. None of them asks for a tunnel or an upgrade,
// after which bytes would mean something else, and only the last may end the connection.
func (g *Gen) Pipeline(n int) (wire []byte, want []Message) {
	for len(want) < n {
		w, m := g.Request()
		if m.Method == "CONNECT" || m.Upgrade || !m.KeepAlive && len(want) < n-1 {
			continue
		}
		wire, want = append(wire, w...), append(want, m)
	}
	return wire, want
}

// byteSource is a rand.Source of one byte for each choice. (gofuzz's own takes eight, too many for an
// engine that mutates single bytes of short inputs.)
type byteSource struct {
	data []byte
	then rand.Source
}

func (s *byteSource) Int63() int64 { return int64(s.Uint64() >> 1) }
func (s *byteSource) Seed(int64)   {}

func (s *byteSource) Uint64() uint64 {
	if len(s.data) == 0 {
		return uint64(s.then.Int63())<<1 ^ uint64(s.then.Int63())
	}
	x := uint64(s.data[0]) + 1
	s.data = s.data[1:]
	x *= 0x9e3779b97f4a7c15 // splitmix64's steps: rand.Intn looks at the upper bits
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
