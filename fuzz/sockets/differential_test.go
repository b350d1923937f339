// The same bytes to our server and to net/http. Ours has to be explained by the strict reading, and
// what both of them served has to be the same requests in the same order.

package sockets

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/fuzz"
	"github.com/lurcher-net/lurcher/server"
)

var (
	soakN    = flag.Int("soak.n", 300, "how many exchanges, or attacks, each soak test makes")
	soakSeed = flag.Int64("soak.seed", 1, "the first seed")
)

// patience is how long a test waits for what has to happen. Hostile clients leave work behind that takes
// a busy machine more than a minute under the race detector.
const patience = 3 * time.Minute

// FuzzServer chooses pipelines, mutations and splits by the engine's bytes.
func FuzzServer(f *testing.F) {
	ours, theirs := startOurs(f, &server.Server{Handler: handle}), startTheirs(f)
	for seed := range byte(20) {
		f.Add(append([]byte{0, 0, 0, 0, 0, 0, 0, seed}, bytes.Repeat([]byte{seed}, int(seed))...))
	}
	f.Fuzz(func(t *testing.T, choices []byte) { checkServers(t, fuzz.FromBytes(choices), ours, theirs) })
}

// FuzzServerBytes has the engine's bytes be the wire.
func FuzzServerBytes(f *testing.F) {
	ours, theirs := startOurs(f, &server.Server{Handler: handle}), startTheirs(f)
	g := fuzz.New(1)
	for range 40 {
		wire, _ := g.Pipeline(2)
		f.Add(wire)
		wire, _ = g.Mutate(wire)
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) { checkWire(t, wire, [][]byte{wire}, ours, theirs) })
}

func TestSoakServers(t *testing.T) {
	ours, theirs := startOurs(t, &server.Server{Handler: handle}), startTheirs(t)
	for i := range *soakN {
		seed := *soakSeed + int64(i)
		if !checkServers(t, fuzz.New(seed), ours, theirs) {
			t.Fatalf("-soak.n 1 -soak.seed %d", seed)
		}
	}
}

func checkServers(t testing.TB, g *fuzz.Gen, ours, theirs string) bool {
	t.Helper()
	wire, _ := g.Pipeline(4)
	pieces := g.Split(wire)
	if !checkWire(t, wire, pieces, ours, theirs) {
		return false
	}
	for range 3 {
		mutant, _ := g.Mutate(wire)
		if !checkWire(t, mutant, g.Split(mutant), ours, theirs) {
			return false
		}
	}
	return true
}

// checkWire sends the same bytes three times: to ours in pieces and whole, and to theirs.
func checkWire(t testing.TB, wire []byte, pieces [][]byte, ours, theirs string) bool {
	t.Helper()
	got, ok := explained(t, wire, pieces, ours)
	again, okAgain := explained(t, wire, [][]byte{wire}, ours)
	if !ok || !okAgain {
		return false
	}
	if a, b := statuses(got), statuses(again); a != b && !sendsBehindTheEnd(wire) {
		t.Errorf("ours: in pieces %s, whole %s\nsent %.3000q", a, b, wire)
		return false
	}
	other, err := fuzz.Exchange("tcp", theirs, pieces, patience)
	if err != nil && len(other) == 0 {
		return true // net/http resets, as it may; nothing to compare
	}
	a, b := understood(got), understood(other)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("request %d: ours understood %q, net/http %q\nsent %.3000q", i+1, a[i], b[i], wire)
			return false
		}
	}
	return true
}

// explained makes an exchange with our server that one reading of wire has to explain.
func explained(t testing.TB, wire []byte, pieces [][]byte, ours string) (received []byte, ok bool) {
	t.Helper()
	begun := time.Now()
	received, err := fuzz.Exchange("tcp", ours, pieces, patience)
	// The server waits two seconds for a client to read its refusal. A busy machine may keep one
	// from sending all that it has by then, and a reset is right: so it comes again.
	for errors.Is(err, syscall.ECONNRESET) && time.Since(begun) > time.Second {
		begun = time.Now()
		received, err = fuzz.Exchange("tcp", ours, pieces, patience)
	}
	if errors.Is(err, syscall.ECONNRESET) && sendsBehindTheEnd(wire) {
		return received, true
	}
	if err == nil {
		err = fuzz.Explain(wire, received, echoes)
	}
	if err != nil {
		t.Errorf("ours: %v\nsent %.3000q\nreceived %.1000q", err, wire, received)
	}
	return received, err == nil
}

// statuses lists the status codes of final answers. Bodies of ours begin no line with "HTTP/".
func statuses(received []byte) (s string) {
	for _, line := range strings.Split(string(received), "\n") {
		if code, ok := strings.CutPrefix(line, "HTTP/1.1 "); ok && code[0] != '1' {
			s += " " + code[:3]
		}
	}
	return s
}

// sendsBehindTheEnd is about a client that goes on after a request which ends the connection. It must
// not (RFC 9112 §9.6), and has itself to blame if a reset takes its last answer.
func sendsBehindTheEnd(wire []byte) bool {
	for {
		m, n, err := fuzz.ReadRequest(wire)
		if err != nil || !m.KeepAlive {
			return err == nil && n < len(wire)
		}
		wire = wire[n:]
	}
}
