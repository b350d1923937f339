package parser

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestRepair: what a response's recipient may repair, under every split into two, whole, and byte by byte.
func TestRepair(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\n"
	long := strings.Repeat("y", 100)
	for _, c := range []struct {
		name, in string
		want     any // the fields, the length and the framing; or the error
	}{
		{"folded", ok + "A: b\r\n c\r\nContent-Length: 2\r\n\r\n", `"A":"b c" "Content-Length":"2" 2 Sized`},
		{"folded by a tab", ok + "A: b\r\n\tc\r\nContent-Length: 2\r\n\r\n", `"A":"b c" "Content-Length":"2" 2 Sized`},
		{"folded at the end", ok + "Content-Length: 2\r\nA: b\r\n c\r\n\r\n", `"Content-Length":"2" "A":"b c" 2 Sized`},
		{"folded twice", ok + "A: b\r\n c\r\n  d\r\nContent-Length: 2\r\n\r\n", `"A":"b c d" "Content-Length":"2" 2 Sized`},
		{"nothing before the fold", ok + "A:\r\n b\r\nContent-Length: 2\r\n\r\n", `"A":"b" "Content-Length":"2" 2 Sized`},
		{"nothing after it", ok + "A: b\r\n \r\nContent-Length: 2\r\n\r\n", `"A":"b" "Content-Length":"2" 2 Sized`},
		{"of blank lines", ok + "A: b \t\r\n \r\n\t\r\n c\r\nContent-Length: 2\r\n\r\n", `"A":"b c" "Content-Length":"2" 2 Sized`},
		{"among long lines", ok + "X: " + long + "\r\n " + long + "\r\nContent-Length: 2\r\n\r\n", `"X":"` + long + " " + long + `" "Content-Length":"2" 2 Sized`},
		{"looks like a field", ok + "A: b\r\n Content-Length: 7\r\nContent-Length: 2\r\n\r\n", `"A":"b Content-Length: 7" "Content-Length":"2" 2 Sized`},
		{"a folded length", ok + "Content-Length:\r\n 2\r\n\r\n", `"Content-Length":"2" 2 Sized`},
		{"a length that goes on", ok + "Content-Length: 2\r\n 2\r\n\r\n", ErrLength},
		{"a folded coding", ok + "Transfer-Encoding:\r\n chunked\r\n\r\n", `"Transfer-Encoding":"chunked" -1 Chunked`},
		{"a coding that goes on", ok + "Transfer-Encoding: chunked,\r\n chunked\r\n\r\n", ErrCoding},
		{"a folded option", ok + "Connection: x,\r\n close\r\nContent-Length: 2\r\n\r\n", `"Connection":"x, close" "Content-Length":"2" 2 Sized`},
		{"before the first field", ok + " A: b\r\n\r\n", ErrFold},
		{"a control in the fold", ok + "A: b\r\n c\x00\r\n\r\n", ErrValue},
		{"bare LF in the fold", ok + "A: b\r\n c\nContent-Length: 2\r\n\r\n", ErrLineEnd},
		{"the same length twice", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n", `"Content-Length":"2" "Content-Length":"2" 2 Sized`},
		{"the same in a list", ok + "Content-Length: 2, 2,2\r\n\r\n", `"Content-Length":"2, 2,2" 2 Sized`},
		{"of nothing", ok + "Content-Length: 0, 0\r\n\r\n", `"Content-Length":"0, 0" 0 NoBody`},
		{"two lengths", ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n", ErrLengthTwice},
		{"the same length in two ways", ok + "Content-Length: 2\r\nContent-Length: 02\r\n\r\n", ErrLengthTwice},
		{"two in a list", ok + "Content-Length: 2, 3\r\n\r\n", ErrLength},
		{"half a list", ok + "Content-Length: 2,\r\n\r\n", ErrLength},
		{"no lengths", ok + "Content-Length: a, a\r\n\r\n", ErrLength},
		{"lengths without end", ok + "Content-Length: 9223372036854775808, 9223372036854775808\r\n\r\n", ErrLength},
		{"length and coding", ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", ErrBothFraming},
	} {
		for _, plain := range []bool{false, true} {
			for cut := 1; cut <= len(c.in); cut++ {
				r := NewResponse(8)
				r.Repair, r.plain = true, plain
				in := []byte(c.in) // which Parse changes
				if got := repaired(r, in, cut); got != c.want {
					t.Fatalf("%s, cut at %d, plain %v: %v, want %v", c.name, cut, plain, got, c.want)
				}
			}
			r := NewResponse(8)
			r.Repair, r.plain = true, plain
			if got := repaired(r, []byte(c.in), -1); got != c.want {
				t.Fatalf("%s, byte by byte, plain %v: %v, want %v", c.name, plain, got, c.want)
			}
		}
	}
}

// repaired parses in, first up to cut, or byte by byte if that is negative.
func repaired(r *Response, in []byte, cut int) any {
	step := cut
	if cut < 0 {
		cut, step = 1, 1
	}
	for n := cut; ; n = min(n+step, len(in)) {
		used, err := r.Parse(in[:n])
		switch {
		case err != nil:
			return err
		case used > 0:
			var b strings.Builder
			for _, f := range r.Fields {
				fmt.Fprintf(&b, "%q:%q ", f.Name(in), f.Value(in))
			}
			return fmt.Sprint(b.String(), r.Length, " ", r.Framing)
		case n == len(in):
			return "incomplete"
		}
		if step == cut && cut > 1 {
			step = len(in)
		}
	}
}

// TestRepairBody: folded trailer fields, whether they are kept or skipped, and padded sizes.
func TestRepairBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want any
	}{
		{"2 \r\nhi\r\n0\t \r\n\r\n", "hi"},
		{"2;a=b \r\nhi\r\n0 ;c \r\n\r\n", "hi"},
		{"2 2\r\nhi\r\n0\r\n\r\n", ErrChunkExt},
		{" 2\r\nhi\r\n0\r\n\r\n", ErrChunkSize},
		{"2\r\nhi\r\n0\r\nA: b\r\n c\r\n\t\r\n\r\n", "hi"},
		{"2\r\nhi\r\n0\r\n A: b\r\n\r\n", ErrFold},
		{"2\r\nhi\r\n0\r\nA: b\r\n \x00\r\n\r\n", ErrValue},
	} {
		for cut := range len(c.in) {
			r := NewResponse(4)
			r.Repair = true
			if _, err := r.Parse([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			b := r.Body()
			var got any
			var all []byte
			for in := []byte(c.in); got == nil; {
				p := in[:min(max(cut-int(b.Offset()), 0), len(in))]
				if len(p) == 0 {
					p = in
				}
				data, n, err := b.Next(p)
				all = append(all, data...)
				in = in[n:]
				switch {
				case err == io.EOF && len(in) == 0:
					got = string(all)
				case err != nil:
					got = err
				case len(in) == 0:
					got = "incomplete"
				}
			}
			if got != c.want {
				t.Fatalf("%q, cut at %d: %v, want %v", c.in, cut, got, c.want)
			}
		}
	}
	tr := NewTrailer(2)
	tr.Repair = true
	in := []byte("A: b\r\n c\r\nB: d\r\n\r\n")
	if n, err := tr.Parse(in); n != len(in) || err != nil || string(tr.Get(in, "A")) != "b c" || string(tr.Get(in, "B")) != "d" {
		t.Errorf("%d, %v, %q", n, err, in)
	}
}
