// Mutators have to reach what they are for, and splitters to lose nothing.

package fuzz

import (
	"bytes"
	"errors"
	"testing"
)

// Every rule that the reference parser can refuse a request by is broken by some mutant, and every
// mutator makes both what is refused and what is still taken, or at least what is refused.
func TestMutantsBreakEveryRule(t *testing.T) {
	t.Parallel()
	g := New(11)
	rules, refusedBy, wellFormed := map[string]int{}, map[string]int{}, 0
	const rounds = 30000
	var wire []byte
	for i := range rounds {
		if i%5 == 0 {
			wire, _ = g.Request()
		}
		mutant, how := g.Mutate(wire)
		_, _, err := ReadRequest(mutant)
		var refusal *Refusal
		if errors.As(err, &refusal) {
			rules[refusal.Rule]++
			refusedBy[how]++
		} else if err == nil {
			wellFormed++
		}
	}
	for _, m := range mutators {
		if refusedBy[m.name] == 0 && m.name != "truncate" && m.name != "change case" && m.name != "long value" {
			t.Errorf("%q never made a malformed request", m.name)
		}
	}
	for _, rule := range requestRules(t) {
		if rules[rule] == 0 {
			t.Errorf("no mutant broke %q", rule)
		}
	}
	if wellFormed < rounds/10 || wellFormed > rounds*9/10 {
		t.Errorf("%d of %d mutants are well formed", wellFormed, rounds)
	}
}

func TestMutateLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	g := New(12)
	for range 2000 {
		wire, _ := g.Request()
		before := bytes.Clone(wire)
		for range 5 {
			g.Mutate(wire)
		}
		if !bytes.Equal(wire, before) {
			t.Fatalf("%q became %q", before, wire)
		}
	}
}

func TestMutateTakesAnything(t *testing.T) {
	t.Parallel()
	g := New(13)
	for _, wire := range []string{"", "\r", "\n", "\r\n", ":", "HTTP/1.", "\r\n\r\n", "a"} {
		for range 2000 {
			b := []byte(wire)
			for range 3 {
				b, _ = g.Mutate(b)
			}
		}
	}
}

func TestPiecesMakeTheWhole(t *testing.T) {
	t.Parallel()
	g := New(14)
	wire, _ := g.Pipeline(2)
	for range 1000 {
		if got := bytes.Join(g.Split(wire), nil); !bytes.Equal(got, wire) {
			t.Fatalf("%q", got)
		}
	}
	n := 0
	for pieces := range Splits(wire) {
		n++
		if got := bytes.Join(pieces, nil); !bytes.Equal(got, wire) {
			t.Fatalf("%q", got)
		}
	}
	if n != len(wire)+1 {
		t.Errorf("%d splits of %d bytes", n, len(wire))
	}
}
