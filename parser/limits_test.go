package parser

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"unsafe"
)

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Body{}); n > 24 {
		t.Errorf("Body has %d bytes", n)
	}
	if n := unsafe.Sizeof(Field{}); n > 16 {
		t.Errorf("Field has %d bytes", n)
	}
}

// TestHeadLimits: a head of exactly the limit passes, one byte more does not, and an endless one is
// refused before it ends, with the status that belongs to the place.
func TestHeadLimits(t *testing.T) {
	const line = "GET / HTTP/1.1\r\n"
	fit := func(size int) string {
		s := line + "Host: a\r\nX: "
		return s + strings.Repeat("x", size-len(s)-4) + "\r\n\r\n"
	}
	long := strings.Repeat("a", 1<<20)
	for _, c := range []struct {
		name, in string
		max      int
		err      error
		status   int
	}{
		{"default, full", fit(DefaultMaxSize), 0, nil, 0},
		{"default, over", fit(DefaultMaxSize + 1), 0, ErrHeadLarge, 431},
		{"own, full", fit(100), 100, nil, 0},
		{"own, over", fit(101), 100, ErrHeadLarge, 431},
		{"own, large", fit(100_000), 100_000, nil, 0},
		{"none", fit(100_000), -1, nil, 0},
		{"none, request line", "GET /" + long + " HTTP/1.0\r\n\r\n", -1, nil, 0},
		{"request line of 8000", "GET /" + long[:8000-len("GET / HTTP/1.1")] + " HTTP/1.1\r\nHost: a\r\n\r\n", 0, nil, 0},
		{"endless target", "GET /" + long, 0, ErrTargetLong, 414},
		{"endless method", long, 0, ErrMethodLong, 501},
		{"method of 32", long[:32] + " / HTTP/1.0\r\n\r\n", 0, nil, 0},
		{"method of 33", long[:33] + " / HTTP/1.0\r\n\r\n", 0, ErrMethodLong, 501},
		{"endless name", line + long, 0, ErrHeadLarge, 431},
		{"endless value", line + "X: " + long, 0, ErrHeadLarge, 431},
		{"endless fields", line + strings.Repeat("X:\r\n", 100), 100, ErrHeadLarge, 431},
		{"fields, full", line + "Host: a\r\n" + strings.Repeat("X:\r\n", 127) + "\r\n", 0, nil, 0},
		{"fields, over", line + "Host: a\r\n" + strings.Repeat("X:\r\n", 128) + "\r\n", 0, ErrFields, 431},
		{"empty lines, 8", strings.Repeat("\r\n", 8) + fit(100), 0, nil, 0},
		{"empty lines, 9", strings.Repeat("\r\n", 9) + fit(100), 0, ErrEmptyLines, 400},
		{"TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0, ErrMethod, 400},
		{"binary", "\x00\x01\x02", 0, ErrMethod, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReader()
			r.req.MaxSize = c.max
			r.read([]byte(c.in))
			if r.err != c.err {
				t.Fatalf("%v, not %v", r.err, c.err)
			}
			if e, ok := r.err.(Error); ok && e.Status() != c.status {
				t.Errorf("status %d, not %d", e.Status(), c.status)
			}
			if len(c.in) > 1<<19 && c.max >= 0 && r.at > DefaultMaxSize {
				t.Errorf("refused as late as byte %d", r.at)
			}
			if len(c.in) < 1<<19 {
				splits(t, r, []byte(c.in))
			}
		})
	}
}

// TestTrailerLimits: the same numbers mean the same.
func TestTrailerLimits(t *testing.T) {
	section := []byte("X: " + strings.Repeat("x", DefaultMaxSize) + "\r\n\r\n")
	for max, want := range map[int]error{0: ErrTrailerLarge, 10: ErrTrailerLarge, 100_000: nil, -1: nil, math.MinInt: nil} {
		tr := NewTrailer(1)
		tr.MaxSize = max
		if n, err := tr.Parse(section); err != want || n > 0 != (want == nil) {
			t.Errorf("MaxSize %d: %d, %v", max, n, err)
		}
	}
}

// TestErrorWords: each Error has words and a status, and what is no Error of this package does no harm.
func TestErrorWords(t *testing.T) {
	seen := map[string]bool{}
	for e := range numErrors + 2 {
		s := e.Error()
		if strings.TrimPrefix(s, "parser: ") != e.Reason() || e.Reason() == "" || seen[s] && e <= numErrors {
			t.Errorf("Error(%d): %q, %q", e, s, e.Reason())
		}
		if e.Status() < 400 || e.Status() > 599 {
			t.Errorf("Error(%d): %d", e, e.Status())
		}
		seen[s] = true
	}
	if got := Error(0).Error(); got != "parser: no error" {
		t.Error(got)
	}
	var err error = ErrTrailer
	if _, ok := err.(Error); !ok {
		t.Error("ErrTrailer is no Error")
	}
}

// TestMissingIsNil: RFC 3986 3.4, a query that is empty is another thing than none.
func TestMissingIsNil(t *testing.T) {
	for target, want := range map[string]string{
		"/x": "nil", "/x?": "", "/x?a": "a", "http://h": "nil", "http://h?": "", "http://h/?": "", "http://h?a": "a", "/x??": "?", "*": "nil", "h:1": "nil",
	} {
		method := map[string]string{"*": "OPTIONS", "h:1": "CONNECT"}[target]
		if method == "" {
			method = "GET"
		}
		for _, plain := range []bool{false, true} {
			in := []byte(method + " " + target + " HTTP/1.1\r\nHost: h\r\nAccept: something\r\n\r\n")
			r := NewRequest(8)
			r.plain = plain
			if n, err := r.Parse(in); n != len(in) || err != nil {
				t.Fatalf("%q: %d, %v", in, n, err)
			}
			q := r.Query.Of(in)
			got := string(q)
			if q == nil {
				got = "nil"
			}
			if got != want {
				t.Errorf("query of %q, plain %v: %q, not %q", target, plain, got, want)
			}
		}
	}
}

func TestResponseLimit(t *testing.T) {
	r := newReader()
	r.response = true
	r.resp.MaxSize = 64
	in := []byte("HTTP/1.1 200 " + strings.Repeat("x", 100))
	if r.read(in); r.err != ErrHeadLarge || r.at != 64 {
		t.Errorf("%v at %d", r.err, r.at)
	}
	splits(t, r, in)
}

// TestChunkLimits: what framing may cost beside the content.
func TestChunkLimits(t *testing.T) {
	for _, c := range []struct {
		name, in string
		err      error
	}{
		{"20,000 chunks of one byte", strings.Repeat("1\r\na\r\n", 20_000) + "0\r\n\r\n", io.EOF},
		{"a million chunks of one byte", strings.Repeat("1\r\na\r\n", 1_000_000) + "0\r\n\r\n", ErrChunkOverhead},
		{"a million chunks of two bytes", strings.Repeat("2\r\nab\r\n", 1_000_000) + "0\r\n\r\n", io.EOF},
		{"an extension of 16,000 bytes", "5;" + strings.Repeat("x", 16_000) + "\r\nhello\r\n0\r\n\r\n", io.EOF},
		{"an extension of 20,000 bytes", "5;" + strings.Repeat("x", 20_000) + "\r\nhello\r\n0\r\n\r\n", ErrChunkOverhead},
		{"many extensions", strings.Repeat("1;"+strings.Repeat("x", 100)+"\r\na\r\n", 1000) + "0\r\n\r\n", ErrChunkOverhead},
		{"leading zeros", strings.Repeat("0", 20_000) + "1\r\na\r\n0\r\n\r\n", ErrChunkOverhead},
		{"a trailer of 16,000 bytes", "0\r\nX: " + strings.Repeat("x", 16_000) + "\r\n\r\n", io.EOF},
		{"a trailer of 20,000 bytes", "0\r\nX: " + strings.Repeat("x", 20_000) + "\r\n\r\n", ErrTrailerLarge},
		{"endless trailers", "0\r\n" + strings.Repeat("X: x\r\n", 10_000) + "\r\n", ErrTrailerLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, at := []byte(c.in), int64(-1)
			for _, step := range []int{len(in), 1, 7, 4096} {
				b := Body{state: bodyChunked}
				var err error
				for have, used := 0, 0; err == nil && have < len(in); {
					have = min(have+step, len(in))
					for n := 0; used < have && err == nil; used += n {
						_, n, err = b.Next(in[used:have])
					}
				}
				if err != c.err {
					t.Fatalf("%d at a time: %v, not %v", step, err, c.err)
				}
				if at >= 0 && at != b.Offset() {
					t.Fatalf("%d at a time: ends at %d, not %d", step, b.Offset(), at)
				}
				at = b.Offset()
			}
		})
	}
}

// TestAllocs: nothing here allocates.
func TestAllocs(t *testing.T) {
	req := Request{Head: Head{Fields: make([]Field, 0, 32)}}
	resp := Response{Head: Head{Fields: make([]Field, 0, 32)}}
	trailer := Trailer{Fields: make([]Field, 0, 32)}
	get := []byte("POST http://b/x?y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: upgrade\r\nX: y\r\n\r\n")
	ok := []byte("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
	bad := []byte("GET / HTTP/1.1\r\nHost: a\r\nHost : a\r\n\r\n")
	chunks := []byte("5;a=\"b\"\r\nhello\r\n0\r\nA: b\r\n\r\n")
	var sink error
	for name, f := range map[string]func(){
		"Request.Parse": func() {
			req.Reset()
			_, sink = req.Parse(get)
			req.Get(get, "x")
			req.Get(get, "host")
		},
		"an error": func() {
			req.Reset()
			_, sink = req.Parse(bad)
		},
		"Response.Parse": func() {
			resp.Reset()
			_, sink = resp.Parse(ok)
		},
		"Body.Next": func() {
			b := (&Head{Framing: Chunked}).Body()
			for p := chunks; ; {
				var n int
				if _, n, sink = b.Next(p); sink != nil {
					break
				}
				p = p[n:]
			}
		},
		"Trailer.Parse": func() {
			trailer.Reset()
			_, sink = trailer.Parse(chunks[len(chunks)-8:])
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	_ = fmt.Sprint(sink)
}
