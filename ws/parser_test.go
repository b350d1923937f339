// Rules of frames, each whole, byte by byte, and cut at every place.

package ws

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

func TestParserSize(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(Parser{}); n > 16 {
		t.Errorf("a Parser has %d bytes, want 16 at most", n)
	}
}

// unhex takes hex with spaces, and "text" in quotes.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var b []byte
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		h, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, h...)
	}
	return b
}

// story returns what a parser finds in pieces of input, in a form that does not depend
// on how that was cut; and how many bytes it had read when it failed.
func story(p *Parser, pieces ...[]byte) (s string, at int) {
	var b strings.Builder
	for _, in := range pieces {
		in = bytes.Clone(in)
		for len(in) > 0 {
			piece, n, err := p.Parse(in)
			if n == 0 && err == nil {
				return b.String() + " stuck", at
			}
			at += n
			if err != nil {
				return b.String() + err.Error()[4:], at
			}
			in = in[n:]
			if piece.Op == 0 {
				continue
			}
			if piece.First() {
				fmt.Fprint(&b, piece.Op, "(")
				if piece.Compressed() {
					b.WriteString("zip:")
				}
			}
			fmt.Fprintf(&b, "%x", piece.Data)
			if piece.Last() {
				b.WriteString(") ")
			} else if piece.Left == 0 {
				b.WriteString("|")
			}
		}
	}
	return b.String(), at
}

var frameRules = []struct {
	rule  string
	in    string // of a client, with a mask of 0 or that of RFC 6455 5.7
	want  string
	at    int // where the first wrong byte ends; 0: there is none
	mode  string
	exact bool // it fails right there, and not at the end of what is validated
}{
	{"5.7: a masked text", "818537fa213d7f9f4d5158", "text(48656c6c6f) ", 0, "", true},
	{"5.7: a text of a server", "810548656c6c6f", "text(48656c6c6f) ", 0, "server", true},
	{"5.7: fragments", "0103'Hel' 8002'lo'", "text(48656c|6c6f) ", 0, "server", true},
	{"5.7: ping and pong", "890548656c6c6f 8a0548656c6c6f", "ping(48656c6c6f) pong(48656c6c6f) ", 0, "server", true},
	{"5.2: empty text", "8180 00000000", "text() ", 0, "", true},
	{"5.2: empty fragments", "0180 00000000 0080 00000000 8080 00000000", "text(||) ", 0, "", true},
	{"5.2: 125 bytes", "82fd 00000000" + strings.Repeat("01", 125), "binary(" + strings.Repeat("01", 125) + ") ", 0, "", true},
	{"5.2: 126 bytes", "82fe 007e 00000000" + strings.Repeat("01", 126), "binary(" + strings.Repeat("01", 126) + ") ", 0, "", true},
	{"5.2: 65536 bytes, the first two", "82ff 0000000000010000 00000000 0102", "binary(0102", 0, "", true},
	{"5.2: 2^63-1 bytes", "82ff 7fffffffffffffff 00000000 0102", "binary(0102", 0, "", true},
	{"5.2: RSV1", "c180 00000000", "reserved bit set", 1, "", true},
	{"5.2: RSV2", "a180 00000000", "reserved bit set", 1, "", true},
	{"5.2: RSV3", "9180 00000000", "reserved bit set", 1, "", true},
	{"5.2: RSV1 of a ping", "c980 00000000", "reserved bit set", 1, "deflate", true},
	{"5.2: RSV2 with the extension", "a180 00000000", "reserved bit set", 1, "deflate", true},
	{"7692 6: RSV1", "c181 00000000 00", "text(zip:00) ", 0, "deflate", true},
	{"7692 6: RSV1 of a continuation", "4181 00000000 00 c080 00000000", "text(zip:00|reserved bit set", 8, "deflate", true},
	{"7692 6: fragments", "4281 00000000 01 0081 00000000 02 8a80 00000000 8081 00000000 ff", "binary(zip:01|02|pong() ff) ", 0, "deflate", true},
	{"5.2: opcode 3", "8380 00000000", "reserved opcode", 1, "", true},
	{"5.2: opcode 7, FIN 0", "0780 00000000", "reserved opcode", 1, "", true},
	{"5.2: opcode 11", "8b80 00000000", "reserved opcode", 1, "", true},
	{"5.2: opcode 15", "8f80 00000000", "reserved opcode", 1, "", true},
	{"5.5: fragment of a ping", "0980 00000000", "control frame in fragments", 1, "", true},
	{"5.5: fragment of a close", "0880 00000000", "control frame in fragments", 1, "", true},
	{"5.4: continuation of nothing", "8080 00000000", "continuation of no message", 1, "", true},
	{"5.4: continuation behind the end", "0181 00000000'a' 8081 00000000'b' 8081 00000000'c'", "text(61|62) continuation of no message", 15, "", true},
	{"5.4: text within text", "0181 00000000'a' 8181 00000000'b'", "text(61|message within the fragments of another", 8, "", true},
	{"5.4: binary within text", "0181 00000000'a' 0281 00000000'b'", "text(61|message within the fragments of another", 8, "", true},
	{"5.4: pings within text", "0181 00000000'a' 8981 00000000'p' 8081 00000000'b'", "text(61|ping(70) 62) ", 0, "", true},
	{"5.1: no mask", "8100", "frame of a client without a mask", 2, "", true},
	{"5.1: a mask", "8180 00000000", "frame of a server with a mask", 2, "server", true},
	{"5.5: ping of 126 bytes", "89fe 007e 00000000", "control frame of more than 125 bytes", 2, "", true},
	{"5.5: ping of 65536 bytes", "89ff 0000000000010000", "control frame of more than 125 bytes", 2, "", true},
	{"5.5.1: close of one byte", "8881 00000000 03", "close frame of one byte", 2, "", true},
	{"5.2: length of 2^63", "82ff 8000000000000000 00000000", "length of 2^63 or more", 3, "", true},
	{"5.2: 125 in 16 bits", "82fe 007d 00000000", "length in more bytes than it needs", 4, "", true},
	{"5.2: 0 in 16 bits", "82fe 0000 00000000", "length in more bytes than it needs", 4, "", true},
	{"5.2: 65535 in 64 bits", "82ff 000000000000ffff 00000000", "length in more bytes than it needs", 8, "", true},
	{"5.5.1: close without a code", "8880 00000000", "close() ", 0, "", true},
	{"5.5.1: close 1000", "8882 00000000 03e8", "close(03e8) ", 0, "", true},
	{"5.5.1: close 1000 and a reason", "8885 00000000 03e8 e282ac", "close(03e8e282ac) ", 0, "", true},
	{"7.4: close 0", "8882 00000000 0000", "close code that may not be sent", 7, "", false},
	{"7.4: close 1004", "8882 00000000 03ec", "close code that may not be sent", 8, "", false},
	{"7.4: close 1015", "8882 00000000 03f7", "close code that may not be sent", 8, "", false},
	{"7.4: close 5000", "8882 00000000 1388", "close code that may not be sent", 8, "", false},
	{"7.4: close 65535", "8882 00000000 ffff", "close code that may not be sent", 7, "", false},
	{"5.5.1: a reason that is not UTF-8", "8884 00000000 03e8 61ff", "close reason is not UTF-8", 10, "", false},
	{"5.5.1: a reason that ends early", "8884 00000000 03e8 e282", "close reason is not UTF-8", 10, "", false},
	{"5.5.1: a surrogate", "8885 00000000 03e8 eda080", "close reason is not UTF-8", 10, "", false},
	{"8.1: half a character and a close", "0182 00000000 e282 8885 00000000 03e8 e282ac", "text(e282|close(03e8e282ac) ", 0, "", true},
	{"8.1: over fragments", "0181 00000000 e2 8981 00000000 ff 0081 00000000 82 8081 00000000 ac", "text(e2|ping(ff) 82|ac) ", 0, "", true},
	{"8.1: not UTF-8", "8183 00000000 61ff61", "text is not UTF-8", 8, "", false},
	{"8.1: binary need not be", "8283 00000000 61ff61", "binary(61ff61) ", 0, "", true},
	{"8.1: compressed: not known yet", "c183 00000000 61ff61", "text(zip:61ff61) ", 0, "deflate", true},
	{"8.1: ends early", "8182 00000000 e282", "text is not UTF-8", 8, "", false},
	{"8.1: ends early, an empty fragment last", "0182 00000000 e282 8080 00000000", "text(e282|text is not UTF-8", 14, "", false},
	{"8.1: overlong over fragments", "0181 00000000 e0 8081 00000000 80", "text(e0|text is not UTF-8", 14, "", false},
	{"8.1: surrogate over fragments", "0182 00000000 61ed 0082 00000000 a080", "text(61ed|text is not UTF-8", 15, "", false},
	{"8.1: above 10FFFF over fragments", "0181 00000000 f4 0081 00000000 90", "text(f4|text is not UTF-8", 14, "", false},
	{"8.1: a text behind binary", "8281 00000000 ff 8181 00000000 ff", "binary(ff) text is not UTF-8", 14, "", false},
}

func parserFor(mode string) Parser { return NewParser(mode == "server", mode == "deflate") }

func TestFrameRules(t *testing.T) {
	t.Parallel()
	for _, c := range frameRules {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			in := unhex(t, c.in)
			check := func(how string, exact bool, pieces ...[]byte) {
				p := parserFor(c.mode)
				got, at := story(&p, pieces...)
				if c.at == 0 {
					if got != c.want {
						t.Fatalf("%s: %s, want %s", how, got, c.want)
					}
					return
				}
				// What was good of a piece is lost with it where the whole of it is refused.
				why := strings.TrimSpace(c.want[strings.LastIndexAny(c.want, "()|")+1:])
				if !strings.HasSuffix(got, why) || exact && (at != c.at || got != c.want) {
					t.Fatalf("%s: %s at %d, want %s at %d", how, got, at, c.want, c.at)
				}
				if _, n, err := p.Parse(in); n != 0 || err == nil {
					t.Errorf("%s: an error does not stick: %v", how, err)
				}
			}
			check("whole", c.exact, in)
			for i := 1; i < len(in) && len(in) < 300; i++ {
				check(fmt.Sprintf("cut at %d", i), false, in[:i], in[i:])
				for j := i + 1; j < len(in) && len(in) < 40; j++ {
					check(fmt.Sprintf("cut at %d and %d", i, j), false, in[:i], in[i:j], in[j:])
				}
			}
			check("byte by byte", false, bytesOf(in)...)
			if c.at > 0 { // the byte before the wrong one is not refused, and that one is at once
				p := parserFor(c.mode)
				if s, at := story(&p, bytesOf(in)...); at != c.at {
					t.Errorf("byte by byte: failed at %d, want %d: %s", at, c.at, s)
				}
			}
		})
	}
}

func bytesOf(in []byte) (all [][]byte) {
	for i := range in {
		all = append(all, in[i:i+1])
	}
	return all
}

func TestCloseCodes(t *testing.T) {
	t.Parallel()
	for code := range 1 << 16 {
		want := code >= 3000 && code < 5000 || code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006
		p := NewParser(true, false)
		_, _, err := p.Parse([]byte{0x88, 2, byte(code >> 8), byte(code)})
		if (err == nil) != want || err != nil && !errors.Is(err, ErrCloseCode) {
			t.Fatalf("code %d: %v", code, err)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for e := Error(1); e < numErrors; e++ {
		if !e.Code().Sendable() || e.reason() == "" || e.Error() == "" {
			t.Errorf("%d: %v %q", e, e.Code(), e.Error())
		}
	}
	if Error(0).Code() != InternalError || Error(99).Error() == "" {
		t.Error("an error that is none")
	}
}

func TestParserAllocations(t *testing.T) {
	frame := AppendMaskedFrame(nil, Text, []byte(strings.Repeat("Grüße, ", 20)), 0x1234567)
	in := make([]byte, len(frame))
	var p Parser
	if n := testing.AllocsPerRun(100, func() {
		copy(in, frame)
		if piece, _, err := p.Parse(in); err != nil || !piece.Last() {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a frame", n)
	}
}

func TestWriter(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
		payload := bytes.Repeat([]byte("x"), n)
		for _, masked := range []bool{false, true} {
			b := AppendFrame([]byte("before"), Binary, payload)
			if masked {
				b = AppendMaskedFrame([]byte("before"), Binary, payload, 0xdeadbeef)
			}
			b = b[len("before"):]
			p := NewParser(!masked, false)
			piece, used, err := p.Parse(b)
			if err != nil || used != len(b) || !piece.First() || !piece.Last() || piece.Op != Binary || !bytes.Equal(piece.Data, payload) {
				t.Errorf("%d bytes, masked %v: %v, %d of %d", n, masked, err, used, len(b))
			}
		}
	}
	long := strings.Repeat("ü", 100)
	if b := AppendClosePayload(nil, NormalClosure, long); len(b) != 2+122 || validText(0, b[2:]) != 0 {
		t.Errorf("a long reason became %d bytes", len(b))
	}
	if b := AppendClosePayload(nil, NoCode, "reason"); len(b) != 0 {
		t.Errorf("no code: %x", b)
	}
}
