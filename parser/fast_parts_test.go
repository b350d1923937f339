//go:build (amd64 || arm64) && !purego

package parser

import (
	"slices"
	"strings"
	"testing"
)

// TestFastAgreesOnNames has names of every length, known ones among them.
func TestFastAgreesOnNames(t *testing.T) {
	needFast(t)
	p := newPair(8)
	for n := range 700 {
		for _, known := range names[1:] {
			if n < len(known) && n%7 != 0 {
				continue
			}
			name := known[:min(n, len(known))] + strings.Repeat("x", max(0, n-len(known)))
			if n%2 == 0 {
				name = strings.Repeat("x", max(0, n-len(known))) + known
			}
			in := []byte("GET / HTTP/1.1\r\n" + name + ": 1\r\nHost: a\r\n\r\n")
			if err := p.agree(in); err != nil {
				t.Fatalf("%q: %v", in, err)
			}
		}
	}
	for _, name := range names[1:] {
		for _, s := range []string{name, strings.ToUpper(name), "x" + name, name + "x", name[1:], name + " ", name[:len(name)-1] + "\x00"} {
			in := []byte("GET / HTTP/1.1\r\n" + s + ": 1\r\n" + s + ":2\r\n\r\n")
			if err := p.agree(in); err != nil {
				t.Fatalf("%q: %v", in, err)
			}
		}
	}
}

// TestFastAgreesOnTargets has what ends a target, or part of it, in every place of long ones.
func TestFastAgreesOnTargets(t *testing.T) {
	needFast(t)
	p := newPair(8)
	for n := 1; n < 600; n += 1 + n/20 {
		for at := range n {
			for _, c := range "# ?\t\x7f\xff" {
				target := []byte("/" + strings.Repeat("x", n))
				target[at] = byte(c)
				in := slices.Concat([]byte("GET "), target, []byte(" HTTP/1.1\r\nHost: a\r\n\r\n"))
				if err := p.agree(in); err != nil {
					t.Fatalf("%q: %v", in, err)
				}
			}
		}
	}
}

// TestFastAgreesOnHosts has hosts of all lengths, with ports, in the first field and another.
func TestFastAgreesOnHosts(t *testing.T) {
	needFast(t)
	p := newPair(8)
	for n := range 70 {
		for _, port := range []string{"", ":", ":1", ":80", ":443", ":8080", ":10000", ":59999", ":59999a", ":60000", ":65535",
			":65536", ":99999", ":00080", ":065535", "::", ":8:", ":8080a", ":80 ", " ", "%41", "%", "@", "/", "\xba", ":8\x8d"} {
			for _, line := range []string{"Host: ", "host:", "HOST:  "} {
				line += strings.Repeat("h", n) + port + "\r\n"
				for _, lines := range []string{line + "Accept: 1234\r\n", "Accept: 1234\r\n" + line} {
					in := []byte("GET / HTTP/1.1\r\n" + lines + "\r\n")
					if err := p.agree(in); err != nil {
						t.Fatalf("%q: %v", in, err)
					}
				}
			}
		}
	}
}

// TestFastAgreesOnConnections has what decides whether the connection goes on, and what nearly does.
func TestFastAgreesOnConnections(t *testing.T) {
	needFast(t)
	p := newPair(8)
	for _, value := range []string{"close", "keep-alive", "CLOSE", "Keep-Alive", "", "c", "clos", "closed", "xclose", "keep-alivf", "keep_alive",
		"leep-alive", "keep-alive\x00", "close ", "close, keep-alive", "keep-alive,close", "upgrade", "te, close", "cxlose", "clxose"} {
		for _, space := range []string{"", " ", "  ", " \t", "\t"} {
			for _, version := range []string{"1.0", "1.1"} {
				line := "connection:" + space + value + "\r\n"
				for _, lines := range []string{"Host: a\r\n" + line, line + "Host: a\r\n", line + "Host: a\r\n" + line, line} {
					in := []byte("GET / HTTP/" + version + "\r\n" + lines + "\r\n")
					if err := p.agree(in); err != nil {
						t.Fatalf("%q: %v", in, err)
					}
				}
			}
		}
	}
}

// TestFastAgreesOnTrailers: a section may begin with the buffer, where there is nothing before a name.
func TestFastAgreesOnTrailers(t *testing.T) {
	needFast(t)
	pad := "X-Checksum: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n"
	for _, s := range []string{"\r\n", "\r\n\r\n", "Te: x\r\n" + pad + "\r\n", "a: b\r\n" + pad + pad + "\r\n", pad + "Age: 3\r\nVia: y\r\n" + pad + "via: z\r\n\r\n",
		":\r\n" + pad + "\r\n", pad + "\r\n\r\n" + pad, "\t\r\n" + pad} {
		for _, before := range []string{"", "ag", "d", "\r\n"} {
			// The bytes in front of the buffer are no part of it.
			in := append([]byte(before), s...)[len(before):]
			for cut := range in {
				fast, plain := Trailer{Fields: make([]Field, 0, 16)}, Trailer{Fields: make([]Field, 0, 16)}
				plain.plain = true
				for _, have := range []int{cut, len(in)} {
					n, err := fast.Parse(in[:have])
					n2, err2 := plain.Parse(in[:have])
					if n != n2 || err != err2 || !slices.Equal(fast.Fields, plain.Fields) || fast.errOff != plain.errOff {
						t.Fatalf("%q split at %d: %d %v %v, plain %d %v %v", in, cut, n, err, fast.Fields, n2, err2, plain.Fields)
					}
				}
			}
		}
	}
}
