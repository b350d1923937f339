// The native fuzz targets. Those called Generated read the engine's bytes as choices of the
// generators, so that mutation of the input is mutation of grammar; the others read them as the wire.

package fuzz

import (
	"bytes"
	"testing"
)

func FuzzRequest(f *testing.F) {
	addWire(f, func(g *Gen) []byte { w, _ := g.Request(); return w })
	f.Fuzz(func(t *testing.T, wire []byte) { checkRequest(t, wire) })
}

func FuzzResponse(f *testing.F) {
	g := New(1)
	for range 40 {
		w, m := g.Response()
		f.Add(w, m.Method, m.UntilClose)
		w, _ = g.Mutate(w)
		f.Add(w, m.Method, m.UntilClose)
	}
	f.Fuzz(func(t *testing.T, wire []byte, method string, end bool) { checkResponse(t, wire, method, end) })
}

// FuzzBody is of chunked bodies alone, after a head that says so.
func FuzzBody(f *testing.F) {
	addWire(f, func(g *Gen) []byte {
		for {
			if w, m := g.Request(); m.Chunked {
				return w[m.Head:]
			}
		}
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		checkRequest(t, append([]byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), body...))
	})
}

func FuzzGeneratedRequest(f *testing.F) {
	addChoices(f)
	f.Fuzz(func(t *testing.T, choices []byte) { checkGeneratedRequest(t, FromBytes(choices)) })
}

func FuzzGeneratedResponse(f *testing.F) {
	addChoices(f)
	f.Fuzz(func(t *testing.T, choices []byte) { checkGeneratedResponse(t, FromBytes(choices)) })
}

func FuzzGeneratedPipeline(f *testing.F) {
	addChoices(f)
	f.Fuzz(func(t *testing.T, choices []byte) { checkGeneratedPipeline(t, FromBytes(choices)) })
}

// checkGeneratedRequest: a well-formed request is read as it was meant, every prefix of it asks for
// more, and mutants of it are read as the reference reads them.
func checkGeneratedRequest(t testing.TB, g *Gen) {
	wire, want := g.Request()
	got := checkRequest(t, wire, g.Split(wire), g.Split(wire))
	checkMeant(t, got, want, wire)
	for range 3 {
		mutant := g.mutant(wire)
		checkRequest(t, mutant, g.Split(mutant))
	}
}

func checkGeneratedResponse(t testing.TB, g *Gen) {
	wire, want := g.Response()
	got := checkResponse(t, wire, want.Method, want.UntilClose, g.Split(wire), g.Split(wire))
	checkMeant(t, got, want, wire)
	for range 3 {
		mutant := g.mutant(wire)
		checkResponse(t, mutant, want.Method, want.UntilClose, g.Split(mutant))
	}
}

// mutant is wire with one change, or two, or three.
func (g *Gen) mutant(wire []byte) []byte {
	for range 1 + g.rand.Intn(1+g.rand.Intn(3)) {
		wire, _ = g.Mutate(wire)
	}
	return wire
}

func checkMeant(t testing.TB, got outcome, want Message, wire []byte) {
	t.Helper()
	want = asParserReports(want)
	if got.err != nil || got.used != len(wire) {
		t.Fatalf("%v at %d, %d of %d bytes used\n%.3000q", got.err, got.at, got.used, len(wire), wire)
	}
	if d := got.m.Diff(&want); d != "" {
		t.Fatalf("read and meant: %s\n%.3000q", d, wire)
	}
}

// checkGeneratedPipeline: Body and Head agree on where each message ends, and so the next one begins
// at its first byte.
func checkGeneratedPipeline(t testing.TB, g *Gen) {
	wire, want := g.Pipeline(1 + g.rand.Intn(5))
	rest := wire
	for i := range want {
		got := driveRequest(g.Split(rest))
		m := asParserReports(want[i])
		if got.err != nil {
			t.Fatalf("request %d: %v at %d\n%.3000q", i, got.err, got.at, rest)
		}
		if d := got.m.Diff(&m); d != "" {
			t.Fatalf("request %d: %s\n%.3000q", i, d, rest)
		}
		rest = rest[got.used:]
	}
	if len(rest) > 0 {
		t.Fatalf("%q is left of %q", rest, wire)
	}
}

// addWire adds what the generators make, as it is and mutated, and the seeds of other projects.
func addWire(f *testing.F, make func(*Gen) []byte) {
	g := New(1)
	for range 40 {
		w := make(g)
		f.Add(w)
		w, _ = g.Mutate(w)
		f.Add(w)
	}
	for _, wire := range otherSeeds(f) {
		f.Add(wire)
	}
}

func addChoices(f *testing.F) {
	for seed := range byte(40) {
		f.Add(append([]byte{0, 0, 0, 0, 0, 0, 0, seed}, bytes.Repeat([]byte{seed}, int(seed))...))
	}
}
