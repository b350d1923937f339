//go:build (amd64 || arm64) && !purego

package parser

import (
	"strings"
	"testing"
	"unsafe"
)

// fastWhole is what Parse does before it resumes.
func (r *Request) fastWhole(buf []byte) {
	if left := fastHead(&r.section, &r.Fields, buf, ofRequest); left > 0 {
		r.fastRest(buf, left)
	}
}

// TestFastIsTaken: the heads that are measured, and their like, do not come from the portable path.
func TestFastIsTaken(t *testing.T) {
	needFast(t)
	hostLast := head("GET / HTTP/1.1", "Accept: */*", "Connection: keep-alive", "Host: localhost:8080")
	for _, s := range append(append(benchmarkHeads(), hostLast), diverse[:6]...) {
		buf := append(make([]byte, 0, len(s)+fastSlack), s...)
		r := Request{Head: Head{Fields: make([]Field, 0, 64)}}
		resp := Response{Head: Head{Fields: make([]Field, 0, 64)}}
		h := &r.Head
		if strings.HasPrefix(s, "HTTP/") {
			h = &resp.Head
			resp.fast(buf)
		} else {
			r.fastWhole(buf)
		}
		end := strings.Index(s, "\r\n\r\n") + 4
		if h.state != atEnd || int(h.pos) != end {
			t.Errorf("%q: the fast path came to %d, state %d", s, h.pos, h.state)
		}
		if h == &r.Head && !strings.Contains(s, "Host: [") && strings.Contains(s, "GET /") {
			r.Reset()
			left := fastHead(&r.section, &r.Fields, buf, ofRequest)
			if strings.Contains(s, "Host: ") && (left >= leftAll || r.Host.Len == 0 || !r.KeepAlive) {
				t.Errorf("%q: Host and Connection were not settled in one go", s)
			}
		}
		// In two pieces, the lines that are whole are read fast on both sides.
		at := len(s) - len(s)/3
		if h != &r.Head || end < 200 {
			continue
		}
		r.Reset()
		r.fastWhole(buf[:at:len(buf)])
		if want := strings.LastIndex(s[:at], "\r\n") + 2; r.state != atLine || int(r.pos) != want {
			t.Errorf("%q up to %d: the fast path came to %d of %d, state %d", s, at, r.pos, want, r.state)
		}
	}
}

// TestFastAtPageEnd: of input without room after it, at the end of a page, what is short is read fast, and of what
// is long all but the last block. Pipelined heads in front of that are read fast.
func TestFastAtPageEnd(t *testing.T) {
	needFast(t)
	page := make([]byte, 4*4096)
	at := len(page) - 4096
	for uintptr(unsafe.Pointer(&page[at]))%4096 != 0 {
		at--
	}
	for _, heads := range [][]string{
		{techEmpowerHead, techEmpowerHead, techEmpowerHead},
		{curlHead, chromeHead},
		{cookieHead},
	} {
		s := strings.Join(heads, "")
		in := page[at-len(s) : at : at]
		copy(in, s)
		for k, h := range heads {
			r := Request{Head: Head{Fields: make([]Field, 0, 64)}}
			r.fastWhole(in)
			want := atEnd
			if k == len(heads)-1 && len(h) > fastCopy {
				want = atLine
			}
			if r.state != want {
				t.Errorf("%.20q, %d bytes, head %d of %d: state %d, want %d", h, len(h), k, len(heads), r.state, want)
			}
			if n, err := r.Parse(in); n != len(h) || err != nil {
				t.Errorf("%.20q, %d bytes, head %d of %d: %d, %v", h, len(h), k, len(heads), n, err)
			}
			in = in[len(h):]
		}
	}
}
