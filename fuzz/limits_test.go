// Limits hold, and nothing allocates.

package fuzz

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/parser"
)

// Endless input of any shape is refused by the limit that is meant for it, before much more than
// the limit was fed, in pieces of any size.
func TestEndlessInputIsRefused(t *testing.T) {
	t.Parallel()
	const head = "POST / HTTP/1.1\r\nHost: x\r\n"
	const body = head + "Transfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		name, begin, more string
		want              error
	}{
		{"empty lines", "", "\r\n", parser.ErrEmptyLines},
		{"method", "", "A", parser.ErrMethodLong},
		{"target", "GET /", "a", parser.ErrTargetLong},
		{"name", head, "a", parser.ErrHeadLarge},
		{"value", head + "A:", "a", parser.ErrHeadLarge},
		{"whitespace", head + "A:", " ", parser.ErrHeadLarge},
		{"fields", head, "A: a\r\n", parser.ErrFields},
		{"leading zeros", body, "0", parser.ErrChunkOverhead},
		{"extension", body + "5;a=", "a", parser.ErrChunkOverhead},
		{"quoted extension", body + "5;a=\"", "a", parser.ErrChunkOverhead},
		{"whitespace in an extension", body + "5 ", " ", parser.ErrChunkOverhead},
		{"extensions of small chunks", body, "1;extension=of-some-length-beyond-what-is-free\r\na\r\n", parser.ErrChunkOverhead},
		{"trailer value", body + "0\r\nA:", "a", parser.ErrTrailerLarge},
		{"trailers", body + "0\r\n", "A: a\r\n", parser.ErrTrailerLarge},
	} {
		for _, piece := range []int{1, 100, 4096} {
			const most = 256 << 10
			wire := []byte(c.begin + strings.Repeat(c.more, most/len(c.more)))
			r := parser.Request{Head: parser.Head{Fields: make([]parser.Field, 0, maxFields)}}
			n, err := 0, error(nil)
			fed := 0
			for fed = piece; fed < len(wire) && n == 0 && err == nil; fed += piece {
				n, err = r.Parse(wire[:fed])
			}
			b := r.Body()
			for unread := wire[n:]; n > 0 && err == nil; {
				var used int
				_, used, err = b.Next(unread[:min(piece, len(unread))])
				unread = unread[used:]
				fed = len(wire) - len(unread)
				if len(unread) == 0 {
					break
				}
			}
			if !errors.Is(err, c.want) || fed > len(wire)/2 {
				t.Errorf("%s in pieces of %d: %v after %d bytes", c.name, piece, err, fed)
			}
		}
	}
}

// Honest bodies are under no limit: many small chunks, and large ones with an extension each.
func TestHonestChunksPassForEver(t *testing.T) {
	t.Parallel()
	for _, chunk := range []string{"2\r\nab\r\n", "10;a=b\r\n0123456789abcdef\r\n", "400;name=\"value of some length\"\r\n" + strings.Repeat("x", 0x400) + "\r\n"} {
		b := (&parser.Head{Framing: parser.Chunked}).Body()
		wire := []byte(strings.Repeat(chunk, 1<<20/len(chunk)) + "0\r\n\r\n")
		for {
			_, n, err := b.Next(wire)
			wire = wire[n:]
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%.20q: %v", chunk, err)
			}
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	g := New(21)
	request := parser.Request{Head: parser.Head{Fields: make([]parser.Field, 0, maxFields)}}
	response := parser.Response{Head: parser.Head{Fields: make([]parser.Field, 0, maxFields)}}
	for range 300 {
		wire, _ := g.Request()
		if g.rand.Intn(2) == 0 {
			wire, _ = g.Mutate(wire)
		}
		answer, want := g.Response()
		allocs := testing.AllocsPerRun(3, func() {
			request.Reset()
			for n := range wire { // bytewise, and then the body whole
				if head, err := request.Parse(wire[:n]); head > 0 || err != nil {
					break
				}
			}
			head, err := request.Parse(wire)
			request.Get(wire, "x-unknown")
			b := request.Body()
			for rest := wire[head:]; err == nil && len(rest) > 0; {
				var n int
				_, n, err = b.Next(rest)
				rest = rest[n:]
			}
			response.Reset()
			response.Method = want.Method
			response.Parse(answer)
		})
		if allocs != 0 {
			t.Fatalf("%v allocations\n%q\n%q", allocs, wire, answer)
		}
	}
}

// A limit lets pass what it says, and nothing more: every generated head under a limit of its own
// size, and of one byte or one field less.
func TestLimitsAreExact(t *testing.T) {
	t.Parallel()
	parse := func(wire []byte, fields, size int) (int, error) {
		r := parser.Request{Head: parser.Head{Fields: make([]parser.Field, 0, fields), MaxSize: size}}
		return r.Parse(wire)
	}
	g := New(22)
	for range 300 {
		wire, m := g.Request()
		head, fields := m.Head, len(m.Fields)
		if n, err := parse(wire, fields, head); n != head || err != nil {
			t.Fatalf("with limits of %d bytes and %d fields: %d, %v\n%q", head, fields, n, err, wire)
		}
		if _, err := parse(wire, fields, head-1); err != parser.ErrHeadLarge && err != parser.ErrTargetLong {
			t.Fatalf("with a limit of %d bytes: %v\n%q", head-1, err, wire)
		}
		if fields > 0 {
			if _, err := parse(wire, fields-1, 0); err != parser.ErrFields {
				t.Fatalf("with a limit of %d fields: %v\n%q", fields-1, err, wire)
			}
		}
	}
	for _, c := range []struct {
		most int
		wire func(n int) string
		err  error
	}{
		{8, func(n int) string { return strings.Repeat("\r\n", n) + "GET / HTTP/1.0\r\n\r\n" }, parser.ErrEmptyLines},
		{32, func(n int) string { return strings.Repeat("M", n) + " / HTTP/1.0\r\n\r\n" }, parser.ErrMethodLong},
	} {
		if _, err := parse([]byte(c.wire(c.most)), 1, 0); err != nil {
			t.Errorf("%.20q...: %v", c.wire(c.most), err)
		}
		if _, err := parse([]byte(c.wire(c.most+1)), 1, 0); err != c.err {
			t.Errorf("%.20q...: %v", c.wire(c.most+1), err)
		}
	}
}
