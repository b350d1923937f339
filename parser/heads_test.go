package parser

import (
	"testing"

	"github.com/lurcher-net/lurcher/internal/heads"
)

// What the benchmarks parse.
var (
	curlHead        = heads.Curl
	techEmpowerHead = heads.TechEmpower
	nineFieldHead   = heads.NineFields
	chromeHead      = heads.Chrome
	cookieHead      = heads.Cookie
	responseHead    = heads.Response

	head    = heads.Lines
	cookies = heads.Cookies
	mixed   = heads.Mixed
)

// TestBenchmarkHeads: the inputs are what they are said to be.
func TestBenchmarkHeads(t *testing.T) {
	requests := append(mixed(512), curlHead, techEmpowerHead, nineFieldHead, chromeHead, cookieHead)
	seen := map[string]bool{}
	for _, h := range requests {
		r := Request{Head: Head{Fields: make([]Field, 0, 32)}}
		if n, err := r.Parse([]byte(h)); n != len(h) || err != nil {
			t.Errorf("%d of %d, %v: %q", n, len(h), err, h)
		}
		if seen[h] {
			t.Errorf("twice: %q", h)
		}
		seen[h] = true
	}
	r := Response{Head: Head{Fields: make([]Field, 0, 32)}}
	if n, err := r.Parse([]byte(responseHead)); n != len(responseHead) || err != nil {
		t.Errorf("%d of %d, %v: %q", n, len(responseHead), err, responseHead)
	}
	mean := 0
	for _, h := range mixed(512) {
		mean += len(h)
	}
	if len(nineFieldHead) != 703 {
		t.Errorf("%d bytes in nine fields", len(nineFieldHead))
	}
	t.Logf("curl %d B, TechEmpower %d, nine fields %d, Chrome %d, cookie %d, response %d, mix %d in the mean", len(curlHead),
		len(techEmpowerHead), len(nineFieldHead), len(chromeHead), len(cookieHead), len(responseHead), mean/512)
}
