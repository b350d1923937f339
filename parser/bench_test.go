package parser

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/internal/heads"
)

// The benchmarks' names are those of their inputs; bench/ measures the same work beside other parsers.
// Where there is more than one path through the code, each is a sub-benchmark.

// paths runs f for the assembly, where there is any, and for the portable path.
func paths(b *testing.B, f func(b *testing.B, plain bool)) {
	if hasFast {
		b.Run("fast", func(b *testing.B) { f(b, false) })
	}
	b.Run("portable", func(b *testing.B) { f(b, true) })
}

// inBuffer returns s as it lies in a connection's buffer, with room after it.
func inBuffer(s string) []byte {
	return append(make([]byte, 0, len(s)+256), s...)
}

func BenchmarkRequest(b *testing.B) {
	for _, in := range []struct{ name, head string }{
		{"curl", curlHead},
		{"TechEmpower", techEmpowerHead},
		{"nineFields", nineFieldHead},
		{"Chrome", chromeHead},
		{"cookie4K", cookieHead},
	} {
		b.Run(in.name, func(b *testing.B) {
			paths(b, func(b *testing.B, plain bool) { requests(b, []string{in.head}, plain) })
		})
	}
	for _, n := range []int{32, 512} {
		heads := mixed(n)
		b.Run(fmt.Sprintf("mix%d", n), func(b *testing.B) {
			paths(b, func(b *testing.B, plain bool) { requests(b, heads, plain) })
		})
	}
}

// requests parses heads that are drawn at random, a new order each time; ns/op is the time for one.
func requests(b *testing.B, all []string, plain bool) {
	bufs, bytes := make([][]byte, len(all)), 0
	for i, h := range all {
		bufs[i] = inBuffer(h)
		bytes += len(h)
	}
	r := Request{Head: Head{Fields: make([]Field, 0, 64)}}
	r.plain = plain
	b.SetBytes(int64(bytes / len(all)))
	b.ReportAllocs()
	for draw := heads.Draw(1); b.Loop(); {
		buf := bufs[draw.Below(len(bufs))]
		r.Reset()
		if n, err := r.Parse(buf); n != len(buf) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkResponse(b *testing.B) {
	paths(b, func(b *testing.B, plain bool) {
		buf := inBuffer(responseHead)
		r := Response{Head: Head{Fields: make([]Field, 0, 64)}}
		r.plain = plain
		b.SetBytes(int64(len(buf)))
		b.ReportAllocs()
		for b.Loop() {
			r.Reset()
			if n, err := r.Parse(buf); n != len(buf) || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}

// BenchmarkPipelined parses sixteen heads that lie one after the other; ns/op is the time for all.
func BenchmarkPipelined(b *testing.B) {
	paths(b, func(b *testing.B, plain bool) {
		buf := inBuffer(strings.Repeat(techEmpowerHead, 16))
		r := Request{Head: Head{Fields: make([]Field, 0, 64)}}
		r.plain = plain
		b.SetBytes(int64(len(buf)))
		b.ReportAllocs()
		for b.Loop() {
			for p := buf; len(p) > 0; {
				r.Reset()
				n, err := r.Parse(p)
				if n == 0 {
					b.Fatal(err)
				}
				p = p[n:]
			}
		}
	})
}

// BenchmarkDrip parses a head that comes in so many bytes at a time; ns/op is the time for the head.
func BenchmarkDrip(b *testing.B) {
	for _, step := range []int{1, 16} {
		b.Run(fmt.Sprintf("%dB", step), func(b *testing.B) {
			paths(b, func(b *testing.B, plain bool) { drip(b, chromeHead, step, plain) })
		})
	}
	// The cost of a feed is the same far into a head: four times the bytes, four times the time.
	for _, kb := range []int{4, 16} {
		b.Run(fmt.Sprintf("1B/%dKB", kb), func(b *testing.B) {
			h := head("GET / HTTP/1.1", "Host: a", "Cookie: ")
			drip(b, strings.Replace(h, "Cookie: ", "Cookie: "+cookies(kb<<10-len(h)), 1), 1, !hasFast)
		})
	}
}

func drip(b *testing.B, head string, step int, plain bool) {
	buf := inBuffer(head)
	r := Request{Head: Head{Fields: make([]Field, 0, 64)}}
	r.plain = plain
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		n, err := 0, error(nil)
		for have := step; n == 0 && err == nil; have += step {
			n, err = r.Parse(buf[:min(have, len(buf))])
		}
		if n != len(buf) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkGet looks names up in a parsed head.
func BenchmarkGet(b *testing.B) {
	buf := []byte(chromeHead)
	r := Request{Head: Head{Fields: make([]Field, 0, 64)}}
	if _, err := r.Parse(buf); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"Cookie", "X-Unknown-Name"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v := r.Get(buf, name); (v == nil) != (name == "X-Unknown-Name") {
					b.Fatal(v)
				}
			}
		})
	}
}

// BenchmarkChunked decodes 64 KB of content in chunks of a size, or 16,000 chunks, and copies nothing, or
// all out: ns/op is the time for all, ns/chunk for each. The floor is the copying alone, in the same pieces.
func BenchmarkChunked(b *testing.B) {
	for _, size := range []int{4096, 1000, 16, 1} {
		content := min(64<<10, 16_000*size)
		out := make([]byte, content)
		perChunk := func(b *testing.B, size int) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(content/size), "ns/chunk")
		}
		in := inBuffer(strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat("x", size)), content/size) + "0\r\n\r\n")
		decode := func(b *testing.B, copied bool) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				body := Body{state: bodyChunked}
				got := 0
				for p := in; ; {
					data, n, err := body.Next(p)
					if copied {
						copy(out[got:], data)
					}
					got += len(data)
					p = p[n:]
					if err == io.EOF {
						break
					}
					if err != nil || n == 0 {
						b.Fatal(n, err)
					}
				}
				if got != content/size*size {
					b.Fatal(got)
				}
			}
			perChunk(b, size)
		}
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) { decode(b, false) })
		b.Run(fmt.Sprintf("%dB/copied", size), func(b *testing.B) { decode(b, true) })
		b.Run(fmt.Sprintf("%dB/floor", size), func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			framing := len(in) / (content / size)
			for b.Loop() {
				for at, p := 0, in; at+size <= content; at += size {
					copy(out[at:], p[framing-size-2:][:size])
					p = p[framing:]
				}
			}
			perChunk(b, size)
		})
	}
}
