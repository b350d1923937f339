// What ws.Parser is held to: in whatever pieces, it reads what the reference reads,
// and fails where that does.

package fuzz

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/lurcher-net/lurcher/ws"
)

// section is the rule that an error is about, as the reference has it.
var section = map[error]string{
	ws.ErrReserved: "5.2", ws.ErrOpcode: "5.2", ws.ErrLength: "5.2", ws.ErrLengthForm: "5.2",
	ws.ErrFragment: "5.5", ws.ErrControlLength: "5.5", ws.ErrContinuation: "5.4", ws.ErrUnfinished: "5.4",
	ws.ErrUnmasked: "5.1", ws.ErrMasked: "5.1", ws.ErrCloseLength: "5.5.1", ws.ErrReason: "5.5.1",
	ws.ErrCloseCode: "7.4", ws.ErrUTF8: "8.1",
}

// parse reads pieces as a connection would.
func parse(t testing.TB, r FrameReader, pieces [][]byte) (events []FrameEvent, broken string, read int) {
	t.Helper()
	p := ws.NewParser(r.FromServer, r.Deflate)
	var message, control FrameEvent
	for _, piece := range pieces {
		for in := bytes.Clone(piece); len(in) > 0; {
			part, n, err := p.Parse(in)
			if n == 0 && err == nil {
				t.Fatalf("nothing is read of %x", in)
			}
			read += n
			if err != nil {
				if _, _, again := p.Parse(in); again != err {
					t.Fatalf("the error does not stick: %v, %v", err, again)
				}
				return events, section[err], read
			}
			in = in[n:]
			if part.Op == 0 {
				continue
			}
			e := &message
			if part.Op.Control() {
				e = &control
			}
			if part.First() {
				*e = FrameEvent{Op: byte(part.Op), Compressed: part.Compressed()}
			}
			e.Payload += string(part.Data)
			if part.Last() {
				events = append(events, *e)
			}
		}
	}
	return events, "", read
}

func checkFrames(t testing.TB, r FrameReader, wire []byte, cuts ...[][]byte) {
	t.Helper()
	want, broken := r.Read(wire)
	var bytewise [][]byte
	for i := range wire {
		bytewise = append(bytewise, wire[i:i+1])
	}
	if len(wire) > 4096 { // the reference takes the square of it
		bytewise = [][]byte{wire}
		cuts = cuts[:min(len(cuts), 1)]
		for i := range cuts {
			cuts[i] = [][]byte{wire[:2000], wire[2000:]}
		}
	}
	for _, pieces := range append(cuts, [][]byte{wire}, bytewise) {
		got, why, _ := parse(t, r, pieces)
		if why != broken || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v: %d pieces: %v %s, want %v %s\n%x", r, len(pieces), got, why, want, broken, wire)
		}
	}
	if broken == "" || len(bytewise) == 1 {
		return
	}
	// A byte at a time it fails at once: what came before can be read without an error.
	_, _, at := parse(t, r, bytewise)
	if _, early := r.Read(wire[:at-1]); early != "" {
		t.Fatalf("%+v: it fails at byte %d, the reference before it\n%x", r, at, wire)
	}
}

func checkGeneratedFrames(t testing.TB, g *Gen) {
	wire, what := g.Frames(1 + g.rand.Intn(12))
	r := FrameReader{Deflate: g.rand.Intn(2) == 0}
	if what != "" {
		t.Helper()
	}
	checkFrames(t, r, wire, g.Split(wire), g.Split(wire))
}

func FuzzFrames(f *testing.F) {
	for seed := range int64(40) {
		wire, _ := New(seed).Frames(4)
		f.Add(wire, false, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, wire []byte, fromServer, deflate bool) {
		if len(wire) < 1<<16 {
			checkFrames(t, FrameReader{fromServer, deflate}, wire)
		}
	})
}

func FuzzGeneratedFrames(f *testing.F) {
	addChoices(f)
	f.Fuzz(func(t *testing.T, choices []byte) { checkGeneratedFrames(t, FromBytes(choices)) })
}

func TestSoakFrames(t *testing.T) { soak(t, checkGeneratedFrames) }

// The reference itself, on the examples of RFC 6455 5.7 and some that are wrong.
func TestFrameReader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wire   string
		server bool
		want   string
	}{
		{"\x81\x05Hello", true, `[{1 false Hello}] `},
		{"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", false, `[{1 false Hello}] `},
		{"\x01\x03Hel\x80\x02lo", true, `[{1 false Hello}] `},
		{"\x89\x05Hello\x8a\x05Hello", true, `[{9 false Hello} {10 false Hello}] `},
		{"\x81\x05Hel", true, `[] `},
		{"\x81\x02\xc3", true, `[] `},
		{"\x81\x01\xc3", true, `[] 8.1`},
		{"\x88\x02\x03\xec", true, `[] 7.4`},
		{"\x80\x00", true, `[] 5.4`},
		{"\x81\x00", false, `[] 5.1`},
		{"\x81\x7e\x00\x05", true, `[] 5.2`},
	} {
		events, broken := FrameReader{FromServer: c.server}.Read([]byte(c.wire))
		if got := fmt.Sprint(events, " ", broken); got != c.want {
			t.Errorf("%x: %s, want %s", c.wire, got, c.want)
		}
	}
	for e := range section {
		var we ws.Error
		if !errors.As(e, &we) {
			t.Error(e)
		}
	}
}
