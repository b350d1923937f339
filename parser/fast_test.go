//go:build (amd64 || arm64) && !purego

package parser

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
)

// pair parses the same input on both paths: with the assembly, and without it.
type pair struct {
	fast, plain         Request
	fastResp, plainResp Response
}

func newPair(room int) *pair {
	p := new(pair)
	for _, h := range p.heads() {
		h.Fields = make([]Field, 0, room)
	}
	p.plain.plain, p.plainResp.plain = true, true
	return p
}

func (p *pair) heads() [4]*Head {
	return [4]*Head{&p.fast.Head, &p.plain.Head, &p.fastResp.Head, &p.plainResp.Head}
}

// agree feeds in, as it becomes available up to each of the cuts, to both paths, as a request and
// as a response, and says where they differ.
func (p *pair) agree(in []byte, cuts ...int) error {
	for _, h := range p.heads() {
		// What is left in the storage from the message before must not matter.
		junk := h.Fields[:cap(h.Fields)]
		for i := range junk {
			junk[i] = Field{0xdddddddd, 0xdddddddd, 0xdddddddd, 1}
		}
		h.MaxSize = p.fast.MaxSize
	}
	p.fast.Reset()
	p.plain.Reset()
	p.fastResp.Reset()
	p.plainResp.Reset()
	for _, have := range append(cuts, len(in)) {
		buf := in[:have]
		n, err := p.fast.Parse(buf)
		n2, err2 := p.plain.Parse(buf)
		if n != n2 || err != err2 {
			return fmt.Errorf("request: %d %v, plain: %d %v", n, err, n2, err2)
		}
		if err := same(&p.fast.Head, &p.plain.Head, buf); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		if a, b := spans(&p.fast), spans(&p.plain); n > 0 && a != b {
			return fmt.Errorf("request: %v, plain: %v", a, b)
		}
		n, err = p.fastResp.Parse(buf)
		n2, err2 = p.plainResp.Parse(buf)
		if n != n2 || err != err2 {
			return fmt.Errorf("response: %d %v, plain: %d %v", n, err, n2, err2)
		}
		if err := same(&p.fastResp.Head, &p.plainResp.Head, buf); err != nil {
			return fmt.Errorf("response: %w", err)
		}
		if a, b := &p.fastResp, &p.plainResp; n > 0 && (a.Status != b.Status || a.Reason != b.Reason) {
			return fmt.Errorf("response: %d %v, plain: %d %v", a.Status, a.Reason, b.Status, b.Reason)
		}
	}
	return nil
}

func spans(r *Request) [5]Span { return [5]Span{r.Method, r.Target, r.Path, r.Query, r.Host} }

// same compares what two paths made of buf so far. Where a path stops within a line is its own
// business; which of the fields it has by then is not.
func same(a, b *Head, buf []byte) error {
	const known = ^uint64(1) // bit 0 is for all the unknown names
	switch {
	case !slices.Equal(a.Fields, b.Fields):
		return fmt.Errorf("fields %v, plain %v", a.Fields, b.Fields)
	case a.Framing != b.Framing || a.Length != b.Length || a.Minor != b.Minor ||
		a.KeepAlive != b.KeepAlive || a.Upgrade != b.Upgrade || a.Expect != b.Expect:
		return fmt.Errorf("%v %d %d %t %t %t, plain %v %d %d %t %t %t", a.Framing, a.Length, a.Minor, a.KeepAlive, a.Upgrade, a.Expect,
			b.Framing, b.Length, b.Minor, b.KeepAlive, b.Upgrade, b.Expect)
	case a.seen&known != b.seen&known || a.twice&known != b.twice&known:
		return fmt.Errorf("seen %#x %#x, plain %#x %#x", a.seen, a.twice, b.seen, b.twice)
	case a.pos != b.pos && a.state != failed || a.state != b.state || a.err != b.err || a.errOff != b.errOff:
		return fmt.Errorf("at %d, state %d, %v at %d, plain at %d, state %d, %v at %d",
			a.pos, a.state, a.err, a.errOff, b.pos, b.state, b.err, b.errOff)
	}
	for left := a.seen & known; left != 0; left &= left - 1 {
		id := uint32(bits.TrailingZeros64(left))
		f, _ := a.find(a.Fields, id)
		if g, _ := b.find(b.Fields, id); f != g {
			return fmt.Errorf("first %s is %v, plain %v", names[id], f, g)
		}
	}
	return nil
}

func needFast(t testing.TB) {
	if !hasFast {
		t.Skip("this processor has no AVX2, BMI1, BMI2: there is one path only")
	}
}

var diverse = []string{
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
	"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
	"GET http://example.org?q HTTP/1.1\r\nHost: other:80\r\nHost-Not: x\r\n\r\n",
	"POST /submit?a=b&c=d?e HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\nhello\r\n\r\nyou",
	"POST /" + strings.Repeat("long/", 40) + "?" + strings.Repeat("x=y&", 50) + " HTTP/1.1\r\nhost: " + strings.Repeat("a.very.long.name.", 6) +
		"example\r\ntransfer-encoding: chunked\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n",
	"GET /ws HTTP/1.1\r\nHost: ws.example.org:65535\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Cookie: a=1\r\nCookie: b=2\r\nX:\r\nX: \r\nX:\t x \t\r\nFrom: caf\xe9\r\n\r\n\r\n\x00\x01\x02",
	"GET /x HTTP/1.1\r\nA: b\r\nB: c\r\nC: d\r\nD: e\r\nE: f\r\nF: g\r\nG: h\r\nHOST: x%20y\r\nHost: twice\r\n\r\n",
	"HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 3\r\n\r\nabc",
	"HTTP/1.0 204 \r\n\r\n",
	"HTTP/1.1 404 Not\tFound at \xfcll\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nContent-Security-Policy-Report-Only: x\r\n\r\n0\r\n\r\n",
}

func benchmarkHeads() []string {
	return []string{curlHead, techEmpowerHead, nineFieldHead, chromeHead, cookieHead, responseHead}
}

// TestFastAgreesOnSplits: both paths are at the same point after every feed, for every split in
// two, and for some in many.
func TestFastAgreesOnSplits(t *testing.T) {
	needFast(t)
	p := newPair(64)
	for _, s := range slices.Concat(diverse, benchmarkHeads()) {
		in := []byte(s)
		for cut := range in {
			if err := p.agree(in, cut); err != nil {
				t.Fatalf("%q split at %d: %v", s, cut, err)
			}
		}
		for step := 1; step < 300; step += 1 + step/8 {
			var cuts []int
			for at := step; at < len(in); at += step {
				cuts = append(cuts, at)
			}
			if err := p.agree(in, cuts...); err != nil {
				t.Fatalf("%q in pieces of %d: %v", s, step, err)
			}
		}
	}
}

// TestFastAgreesOnMutations puts every byte in every place.
func TestFastAgreesOnMutations(t *testing.T) {
	needFast(t)
	p := newPair(64)
	for k, s := range slices.Concat(diverse, benchmarkHeads()) {
		if len(s) > 400 { // the middle has more of the same
			s = s[:150] + s[len(s)-150:]
		}
		in := []byte(s)
		for i, was := range in {
			for c := range 256 {
				in[i] = byte(c)
				if err := p.agree(in); err != nil {
					t.Fatalf("%d: %q with %#x at %d: %v", k, s, c, i, err)
				}
			}
			in[i] = was
		}
		for i := range in {
			for _, cut := range [][]byte{nil, {'\r'}, {'\n'}, {'\r', '\n'}, {'\t'}, {' '}, {':'}, {'?'}, {'#'}} {
				if err := p.agree(slices.Concat(in[:i], cut, in[i+1:])); err != nil {
					t.Fatalf("%d: %q with %q for the byte at %d: %v", k, s, cut, i, err)
				}
				if err := p.agree(slices.Concat(in[:i], cut, in[i:])); err != nil {
					t.Fatalf("%d: %q with %q put in at %d: %v", k, s, cut, i, err)
				}
			}
		}
	}
}

// TestFastAgreesOnRuns has runs of up to five controls in every place, also across blocks.
func TestFastAgreesOnRuns(t *testing.T) {
	needFast(t)
	p := newPair(64)
	runs := []string{""}
	for k := 0; k < len(runs); k++ {
		if len(runs[k]) < 5 {
			for _, c := range []string{"\r", "\n", "\t", "\x7f"} {
				runs = append(runs, runs[k]+c)
			}
		}
	}
	for _, room := range []int{1, 2, 3, 4, 64} {
		p := newPair(room)
		for _, run := range runs {
			if err := p.agree([]byte(run + "GET / HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
				t.Fatalf("%q first: %v", run, err)
			}
		}
	}
	for pad := range 70 {
		for _, run := range runs {
			in := []byte("GET /" + strings.Repeat("x", pad) + " HTTP/1.1\r\nHost: a\r\nB: c" + run + "\r\n\r\nand more\r\n\r\n")
			if err := p.agree(in); err != nil {
				t.Fatalf("%q: %v", in, err)
			}
		}
	}
}

// TestFastAgreesOnJunk: what lies after the input's end is not part of it, even where it would
// complete it. The input is at each of 64 alignments.
func TestFastAgreesOnJunk(t *testing.T) {
	needFast(t)
	p := newPair(64)
	for _, junk := range []string{"\r\n\r\n", "\n\r\n", "\r\n", "\n", ": x\r\n\r\n", " HTTP/1.1\r\n\r\n", "t: x\r\n\r\n", strings.Repeat("\r\n", 40), strings.Repeat("a", 80), "\t", "\x00"} {
		for _, s := range slices.Concat(diverse, benchmarkHeads()[:4]) {
			room := make([]byte, 64+len(s)+200)
			for cut := range s {
				at := cut % 64
				in := room[at : at+cut]
				copy(in, s)
				copy(room[at+cut:], junk)
				if err := p.agree(in); err != nil {
					t.Fatalf("%q and behind it %q: %v", in, junk, err)
				}
			}
			for at := range 64 {
				in := room[at : at+len(s)]
				copy(in, s)
				copy(room[at+len(s):], junk)
				if err := p.agree(in); err != nil {
					t.Fatalf("%q at %d, and behind it %q: %v", in, at, junk, err)
				}
			}
		}
	}
}

// TestFastAgreesOnCounts has as many fields as there is room for, and some fewer and more.
func TestFastAgreesOnCounts(t *testing.T) {
	needFast(t)
	for _, room := range []int{0, 1, 2, 3, 4, 5, 8, 63, 64, 65} {
		p := newPair(room)
		for count := range room + 6 {
			for _, line := range []string{"A: b\r\n", "a:\r\n", "Accept: something of some length, longer than a block of 64 bytes\r\n"} {
				in := []byte("GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat(line, count) + "\r\n")
				for _, cuts := range [][]int{nil, {len(in) / 2}, {30}} {
					if err := p.agree(in, cuts...); err != nil {
						t.Fatalf("room for %d, %q: %v", room, in, err)
					}
				}
			}
		}
	}
}

// TestFastAgreesOnManyFields: first counts in 16 bits, and a field after the 65536th is not taken for
// one before.
func TestFastAgreesOnManyFields(t *testing.T) {
	needFast(t)
	p := newPair(1<<16 + 8)
	p.fast.MaxSize = 1 << 20
	for _, before := range []int{1<<16 - 1, 1 << 16, 1<<16 + 1} {
		many := strings.Repeat("A: close\r\n", before)
		for _, s := range []string{many + "Host: c\r\n\r\n", "Host: c\r\n" + many + "Connection: keep-alive\r\n\r\n"} {
			if err := p.agree([]byte("GET / HTTP/1.1\r\n" + s)); err != nil {
				t.Fatalf("%d fields before one: %.200v", before, err)
			}
		}
	}
}

// TestFastWithoutStorage: there may be none, or it may hold something already.
func TestFastWithoutStorage(t *testing.T) {
	for _, storage := range []func() []Field{
		func() []Field { return nil },
		func() []Field { return []Field{} },
		func() []Field { return make([]Field, 2, 8) },
	} {
		for _, s := range []string{"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"} {
			fast, plain := Request{Head: Head{Fields: storage()}}, Request{Head: Head{Fields: storage()}}
			resp, plainResp := Response{Head: Head{Fields: storage()}}, Response{Head: Head{Fields: storage()}}
			plain.plain, plainResp.plain = true, true
			n, err := fast.Parse([]byte(s))
			if n2, err2 := plain.Parse([]byte(s)); n != n2 || err != err2 || len(fast.Fields) != len(plain.Fields) {
				t.Errorf("%q: %d %v, plain %d %v", s, n, err, n2, err2)
			}
			n, err = resp.Parse([]byte(s))
			if n2, err2 := plainResp.Parse([]byte(s)); n != n2 || err != err2 || len(resp.Fields) != len(plainResp.Fields) {
				t.Errorf("%q: %d %v, plain %d %v", s, n, err, n2, err2)
			}
		}
	}
}

// TestFastAgreesOnLimits has the head's limit in every place.
func TestFastAgreesOnLimits(t *testing.T) {
	needFast(t)
	p := newPair(64)
	for _, s := range diverse {
		for limit := 1; limit < len(s)+2; limit++ {
			p.fast.MaxSize = limit
			if err := p.agree([]byte(s)); err != nil {
				t.Fatalf("%q, limit %d: %v", s, limit, err)
			}
		}
	}
}

// TestFastAgreesOnCorpora reads the records of other parsers, whole and in two.
func TestFastAgreesOnCorpora(t *testing.T) {
	needFast(t)
	p := newPair(128)
	n := 0
	for _, file := range []string{"picohttpparser.jsonl", "httparse.jsonl", "llhttp_request.jsonl", "llhttp_response.jsonl", "fuzz_seeds.jsonl.gz"} {
		for _, rec := range records(t, file) {
			if err := p.agree(rec.Input); err != nil {
				t.Errorf("%s %s: %v", file, rec.Name, err)
			}
			for cut := 1; cut < len(rec.Input); cut += 1 + len(rec.Input)/100 {
				if err := p.agree(rec.Input, cut); err != nil {
					t.Errorf("%s %s split at %d: %v", file, rec.Name, cut, err)
				}
			}
			n++
		}
	}
	t.Logf("%d records", n)
}

func TestFastDoesNotAllocate(t *testing.T) {
	needFast(t)
	r := Request{Head: Head{Fields: make([]Field, 0, 64)}}
	resp := Response{Head: Head{Fields: make([]Field, 0, 64)}}
	for _, s := range benchmarkHeads() {
		in := []byte(s)
		if n := testing.AllocsPerRun(100, func() {
			r.Reset()
			r.Parse(in)
			resp.Reset()
			resp.Parse(in)
		}); n != 0 {
			t.Errorf("%.20q allocates %v times", s, n)
		}
	}
}

// FuzzFastAgrees: both paths make the same of any bytes, with any junk after them, in any room.
func FuzzFastAgrees(f *testing.F) {
	for _, s := range slices.Concat(diverse, benchmarkHeads()) {
		f.Add([]byte(s), uint16(40), uint16(len(s)), uint8(32))
	}
	pairs := map[uint8]*pair{}
	f.Fuzz(func(t *testing.T, all []byte, cut, end uint16, room uint8) {
		needFast(t)
		p := pairs[room%80]
		if p == nil {
			p = newPair(int(room % 80))
			pairs[room%80] = p
		}
		in := all[:min(int(end), len(all))]
		if err := p.agree(in, min(int(cut), len(in))); err != nil {
			t.Fatal(err)
		}
		if err := p.agree(bytes.Clone(in)); err != nil {
			t.Fatal(err)
		}
	})
}
