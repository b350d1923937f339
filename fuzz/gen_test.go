// The generators beside the reference parser: two writings of the same grammar, which must agree.

package fuzz

import (
	"errors"
	"io"
	"testing"
)

func TestGeneratedRequestsReadAsTheyWereMeant(t *testing.T) {
	t.Parallel()
	g := New(1)
	for i := range 5000 {
		wire, want := g.Request()
		got, n, err := ReadRequest(wire)
		if err != nil || n != len(wire) {
			t.Fatalf("%d: %d of %d bytes, %v\n%q", i, n, len(wire), err, wire)
		}
		if d := got.Diff(&want); d != "" {
			t.Fatalf("%d: read and meant: %s\n%q", i, d, wire)
		}
	}
}

func TestGeneratedResponsesReadAsTheyWereMeant(t *testing.T) {
	t.Parallel()
	g := New(2)
	for i := range 5000 {
		wire, want := g.Response()
		got, n, err := ReadResponse(wire, want.Method, true)
		if err != nil || n != len(wire) {
			t.Fatalf("%d: %d of %d bytes, %v\n%q", i, n, len(wire), err, wire)
		}
		if d := got.Diff(&want); d != "" {
			t.Fatalf("%d: read and meant: %s\n%q", i, d, wire)
		}
	}
}

func TestEveryPrefixAsksForMore(t *testing.T) {
	t.Parallel()
	g := New(3)
	for range 100 {
		wire, _ := g.Request()
		for n := range wire {
			if _, _, err := ReadRequest(wire[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("prefix of %d bytes: %v\n%q", n, err, wire)
			}
		}
		wire, want := g.Response()
		for n := range wire {
			if _, _, err := ReadResponse(wire[:n], want.Method, false); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("prefix of %d bytes: %v\n%q", n, err, wire)
			}
		}
	}
}

func TestPipelineIsItsMessagesInARow(t *testing.T) {
	t.Parallel()
	g := New(4)
	for range 500 {
		wire, want := g.Pipeline(1 + g.rand.Intn(5))
		for i := range want {
			got, n, err := ReadRequest(wire)
			if err != nil {
				t.Fatal(err)
			}
			if d := got.Diff(&want[i]); d != "" {
				t.Fatalf("request %d: %s", i, d)
			}
			wire = wire[n:]
		}
		if len(wire) > 0 {
			t.Fatalf("%d bytes too many", len(wire))
		}
	}
}

func TestSameSeedSameMessages(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]*Gen{
		{New(7), New(7)},
		{FromBytes([]byte("12345678abc")), FromBytes([]byte("12345678abc"))},
		{FromBytes(nil), FromBytes(nil)},
	} {
		for range 20 {
			a, _ := pair[0].Request()
			b, _ := pair[1].Request()
			if string(a) != string(b) {
				t.Fatalf("%q and %q", a, b)
			}
		}
	}
}

// A generator that never makes some shape tests nothing of it.
func TestGeneratorsReachEveryShape(t *testing.T) {
	t.Parallel()
	g, seen := New(5), map[string]int{}
	count := func(what string, is bool) {
		seen[what] += 0
		if is {
			seen[what]++
		}
	}
	const rounds = 3000
	for range rounds {
		_, m := g.Request()
		count("CONNECT", m.Method == "CONNECT")
		count("asterisk-form", m.Target == "*")
		count("absolute-form", m.Target[0] != '/' && m.Target != "*" && m.Method != "CONNECT")
		count("HTTP/1.0", m.Minor == 0)
		count("HTTP/1.2 and up", m.Minor > 1)
		count("request without a body", !m.Chunked && m.Length < 0)
		count("sized request", m.Length > 0)
		count("chunked request", m.Chunked)
		count("trailers", len(m.Trailers) > 0)
		count("Connection: close", !m.KeepAlive && m.Minor > 0)
		count("keep-alive in 1.0", m.KeepAlive && m.Minor == 0)
		count("Upgrade", m.Upgrade)
		count("Expect", m.Expect)
		count("large body", len(m.Body) > 1000)
		_, m = g.Response()
		count("until close", m.UntilClose)
		count("no reason", m.Reason == "")
		count("HEAD answered with a length", m.Method == "HEAD" && m.Length > 0)
		count("1xx", m.Status < 200)
		count("chunked response", m.Chunked)
	}
	for what, n := range seen {
		if n < rounds/200 {
			t.Errorf("%s: %d of %d", what, n, rounds)
		}
	}
	t.Log(seen)
}
