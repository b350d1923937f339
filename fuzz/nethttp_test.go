// net/http as a second opinion on the generators: it reads what they call well formed in the same
// way, but for the differences that are listed by rule.

package fuzz

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// knownHTTP says why net/http may part from the RFC's reading of a well-formed request, or "".
func knownHTTP(m *Message, err error) string {
	field := func(name string) (v string, n int) {
		for _, f := range m.Fields {
			if strings.EqualFold(f.Name, name) {
				v, n = f.Value, n+1
			}
		}
		return v, n
	}
	host, _ := field("Host")
	te, _ := field("Transfer-Encoding")
	switch {
	case m.Chunked && strings.Contains(fmt.Sprint(err), "invalid byte in chunk length"):
		return "RFC 9112 §7.1.1: net/http knows no whitespace before a chunk extension"
	case strings.Contains(te, ","):
		return "RFC 9110 §5.6.1.2: net/http refuses empty elements in Transfer-Encoding"
	case !all(m.Target, isVchar):
		return "RFC 9112 §2.2: net/url refuses some octets 80-FF in a target"
	case oddURL(m.Target):
		return "RFC 3986 §2.1: net/url refuses malformed escapes and odd hosts; RFC 9112 §3.2 calls them a server's choice"
	case strings.HasPrefix(host, "[v") || strings.HasPrefix(m.Host, "[v"):
		return "RFC 3986 §3.2.2: net/http knows no IPvFuture"
	case m.Method == "PRI":
		return "RFC 9113 §3.4: net/http looks out for HTTP/2's preface"
	}
	return ""
}

// oddURL reports targets that net/url refuses for a reason of its own.
func oddURL(target string) bool {
	_, err := http.NewRequest("GET", target, nil)
	return err != nil || strings.Contains(target, "%")
}

func TestGeneratedRequestsAreReadByNetHTTP(t *testing.T) {
	t.Parallel()
	g := New(6)
	known, same := map[string]int{}, 0
	for i := range 5000 {
		wire, want := g.Request()
		got, err := readWithNetHTTP(bytes.TrimLeft(wire[:want.Head], "\r\n"), wire[want.Head:])
		if err == nil {
			if d := diffHTTP(&want, got); d != "" {
				err = fmt.Errorf("differs: %s", d)
			}
		}
		switch why := knownHTTP(&want, err); {
		case err == nil:
			same++
		case why == "":
			t.Fatalf("%d: %v\n%q", i, err, wire)
		default:
			known[why]++
		}
	}
	t.Logf("%d the same", same)
	for why, n := range known {
		t.Logf("%d: %s", n, why)
	}
}

// readWithNetHTTP parses a head, and then its body.
func readWithNetHTTP(head, body []byte) (*Message, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(bytes.Clone(head), body...))))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	m := &Message{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Minor: r.ProtoMinor,
		Chunked: len(r.TransferEncoding) > 0, Length: r.ContentLength, KeepAlive: !r.Close, Body: string(b),
	}
	for k, vs := range r.Header {
		for _, v := range vs {
			m.Fields = append(m.Fields, Field{k, v})
		}
	}
	return m, nil
}

// diffHTTP compares what net/http reports; it has no order among fields of different names.
func diffHTTP(want, got *Message) string {
	w := *want
	w.Fields, w.Trailers, w.Head = nil, nil, 0
	w.Upgrade, w.Expect = false, false // decided elsewhere in net/http
	if w.Length < 0 && !w.Chunked {
		w.Length = 0
	}
	g := *got
	g.Fields = nil
	return w.Diff(&g)
}
