// ws.Parser and the writer beside wsproto: random frames, most of them right, have to be read alike.
package compat

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/fuzz"
	"github.com/lurcher-net/lurcher/ws"
)

// wsproto starts the oracle: Debian's python3-wsproto.
func wsproto(t *testing.T) (ask func(side byte, wire []byte) string) {
	t.Helper()
	cmd := exec.Command(python(t, "wsproto"), "python/frames.py")
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	answers := bufio.NewReaderSize(out, 1<<20)
	return func(side byte, wire []byte) string {
		t.Helper()
		_, err := fmt.Fprintf(in, "%c%x\n", side, wire)
		if err != nil {
			t.Fatal(err)
		}
		line, err := answers.ReadString('\n')
		if err != nil {
			t.Fatalf("%v: %s", err, &errs)
		}
		return strings.TrimSuffix(line, "\n")
	}
}

// read has ws.Parser read pieces, up to a close frame, and says it in the words of the oracle.
func read(side byte, pieces ...[]byte) string {
	p := ws.NewParser(side == 'c', false)
	var events []string
	var message, control []byte
	for in := range slices.Values(pieces) {
		for in = bytes.Clone(in); len(in) > 0; {
			part, n, err := p.Parse(in)
			if e, failed := errors.AsType[ws.Error](err); failed {
				return strings.Join(append(events, fmt.Sprintf("fails %d", e.Code())), " ")
			}
			in = in[n:]
			all := &message
			if part.Op.Control() {
				all = &control
			}
			if *all = append(*all, part.Data...); part.Last() {
				events = append(events, fmt.Sprintf("%d:%x", part.Op, *all))
				if *all = nil; part.Op == ws.Close {
					return strings.Join(events, " ")
				}
			}
		}
	}
	return strings.Join(events, " ")
}

func TestFramesAsWsprotoReadsThem(t *testing.T) {
	t.Parallel()
	ask := wsproto(t)
	g, cuts := fuzz.New(6455), rand.New(rand.NewSource(6455))
	failed := 0
	for range 3000 {
		wire, what := g.Frames(1 + cuts.Intn(8))
		want := ask('s', wire)
		if strings.Contains(want, "fails") {
			failed++
		}
		var pieces [][]byte
		for rest := wire; len(rest) > 0; {
			n := 1 + cuts.Intn(len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		for _, got := range []string{read('s', wire), read('s', pieces...)} {
			if got != want {
				t.Errorf("%x (%s)\nlurcher: %.2000s\nwsproto: %.2000s", wire, what, got, want)
			}
		}
	}
	if failed < 300 || failed > 2700 {
		t.Errorf("%d of 3000 streams break a rule", failed)
	}
}

// What the writer makes is read by wsproto, on both sides.
func TestFramesForWsproto(t *testing.T) {
	t.Parallel()
	ask := wsproto(t)
	random := rand.New(rand.NewSource(7))
	for _, n := range slices.Concat(sizes, []int{2, 3, 1000, 40000}) {
		payload := message(n)
		key := random.Uint32()
		var server, client []byte
		for rest, op := payload, ws.Text; ; op = ws.Continuation { // in fragments
			part := rest[:random.Intn(len(rest)+1)]
			if op != ws.Text && random.Intn(3) == 0 {
				part = rest
			}
			rest = rest[len(part):]
			server = append(ws.AppendHead(server, op, len(rest) == 0, len(part)), part...)
			client = ws.AppendMaskedHead(client, op, len(rest) == 0, len(part), key)
			client = append(client, part...)
			ws.Mask(client[len(client)-len(part):], key)
			if len(rest) == 0 {
				break
			}
		}
		server = ws.AppendFrame(server, ws.Ping, []byte("ping"))
		client = ws.AppendMaskedFrame(client, ws.Ping, []byte("ping"), key)
		server = ws.AppendFrame(server, ws.Binary, payload)
		client = ws.AppendMaskedFrame(client, ws.Binary, payload, key)
		bye := ws.AppendClosePayload(nil, 4000, strings.Repeat("ü", 100))
		server = ws.AppendFrame(server, ws.Close, bye)
		client = ws.AppendMaskedFrame(client, ws.Close, bye, key)
		want := fmt.Sprintf("1:%x 9:%x 2:%x 8:%x", payload, "ping", payload, bye)
		for side, wire := range map[byte][]byte{'c': server, 's': client} {
			if got := ask(side, wire); got != want {
				t.Errorf("%d bytes to %c: %.200s, want %.200s", n, side, got, want)
			}
		}
	}
}
