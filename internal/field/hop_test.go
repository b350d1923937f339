package field

import (
	"slices"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/parser"
)

func parse(t *testing.T, head string) ([]parser.Field, []byte) {
	t.Helper()
	r := parser.Request{Head: parser.Head{Fields: make([]parser.Field, 0, 64)}}
	buf := []byte("GET / HTTP/1.1\r\n" + head + "\r\n")
	if n, err := r.Parse(buf); n != len(buf) {
		t.Fatal(n, err)
	}
	return r.Fields, buf
}

func TestHops(t *testing.T) {
	t.Parallel()
	fields, buf := parse(t, "Host: x\r\nconnection: A, keep-alive ,Host\r\nA: 1\r\nConnection: b;q=1\r\nB: 2\r\nC: 3\r\nKeep-Alive: x\r\nTE: trailers\r\n"+
		"upgrade: x\r\nProxy-Connection: x\r\nPROXY-AUTHORIZATION: x\r\nContent-Length: 5\r\nHTTP2-Settings: x\r\nExpect: x\r\nMax-Forwards: 1\r\n"+
		"Trailer: x\r\nConnection: close\r\nConnection:\r\nConnection: d1\r\nConnection: d2\r\nConnection: d3\r\nConnection: d4\r\nD1: x\r\nD2: x\r\nD3: x\r\nD4: x\r\nD5: x\r\n")
	hops := HopsOf(fields, buf)
	var got []string
	for _, f := range fields {
		if !hops.Has(f.Name(buf)) {
			got = append(got, string(f.Name(buf)))
		}
	}
	if want := []string{"Host", "C", "Max-Forwards", "Trailer", "D5"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if !Lists("a, TRAILERS;q=1", "trailers") || Lists("trailersx", "trailers") || Lists("", "x") {
		t.Error("Lists")
	}
}

// TestHopsOfALongList: the members of a long list, or of many, are looked up and not
// searched for, because a head of 32 KiB would otherwise take most of a second.
func TestHopsOfALongList(t *testing.T) {
	t.Parallel()
	for name, connection := range map[string]string{
		"long":       "Connection: x, " + strings.Repeat("y,", 200) + " B ;q=1, Host\r\n",
		"many":       strings.Repeat("Connection: x,Host\r\n", 5) + "Connection: b\r\n",
		"empty ones": "Connection: b" + strings.Repeat(",", 200) + "Host\r\n",
	} {
		fields, buf := parse(t, "Host: x\r\nA: 1\r\nb: 2\r\n"+connection+"C: 3\r\nTE: x\r\n")
		hops := HopsOf(fields, buf)
		if hops.many == nil {
			t.Errorf("%s: every field searches the list", name)
		}
		var got []string
		for _, f := range fields {
			if !hops.Has(f.Name(buf)) {
				got = append(got, string(f.Name(buf)))
			}
		}
		if want := []string{"Host", "A", "C"}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestHopsAfterAnEmptyLine: an empty Connection lists nothing, and hides nothing that another one lists.
func TestHopsAfterAnEmptyLine(t *testing.T) {
	t.Parallel()
	for _, connection := range []string{"Connection:\r\nConnection: A\r\n", "Connection: ,\r\nConnection: ,A\r\n", "Connection: close\r\nConnection: \t\r\nConnection: x\r\nConnection: a\r\n"} {
		fields, buf := parse(t, "Host: x\r\n"+connection+"A: 1\r\n")
		if hops := HopsOf(fields, buf); !hops.Has([]byte("A")) || hops.Has([]byte("B")) {
			t.Errorf("%q", connection)
		}
	}
}

// TestTrails: what Connection lists is in no trailer section that is passed on.
func TestTrails(t *testing.T) {
	t.Parallel()
	for connection, want := range map[string][]string{
		"":                                 {"A", "Host-Name", "B"},
		"Connection: keep-alive\r\n":       {"A", "Host-Name", "B"},
		"Connection: close, a, Host\r\n":   {"Host-Name", "B"},
		"Connection:\r\nConnection: B\r\n": {"A", "Host-Name"},
		"Connection: a" + strings.Repeat(", y", 200) + "\r\n":   {"Host-Name", "B"},
		strings.Repeat("Connection: a\r\nConnection: b\r\n", 5): {"Host-Name"},
	} {
		fields, buf := parse(t, "Host: x\r\n"+connection)
		passes := Trails(fields, buf)
		for i := range buf {
			buf[i] = '!' // the head is gone
		}
		var got []string
		for _, name := range []string{"A", "Host", "Host-Name", "B", "Connection", "Keep-Alive", "Proxy-Authentication-Info", "Set-Cookie"} {
			if passes(name) {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%.40q: %q, want %q", connection, got, want)
		}
	}
}

func TestVia(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"Host: x\r\n":                                  "1.0 me",
		"Host: x\r\nVia: 1.1 a\r\n":                    "1.1 a, 1.0 me",
		"Host: x\r\nVia: 1.1 a, 1.0 b\r\nvia: 1 c\r\n": "1.1 a, 1.0 b, 1 c, 1.0 me",
	} {
		fields, buf := parse(t, head)
		if got := string(Via(nil, fields, buf, 0, "me")); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMayTrail(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Host", "content-LENGTH", "If-Match", "Set-Cookie", "Cookie", "Via", "X-Forwarded-For", "x-forwarded-whatever", "X_Forwarded_For", "Content_Length", "Forwarded", "Vary", "Upgrade"} {
		if MayTrail(name) {
			t.Error(name, "may be in a trailer section")
		}
	}
	for _, name := range []string{"X-Checksum", "ETag", "Server-Timing", "Digest", "X-Forward", "If"} {
		if !MayTrail(name) {
			t.Error(name, "may not be in a trailer section")
		}
	}
}
