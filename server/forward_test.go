// What a proxy sends on of a request.

package server

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestForward compares the fields that an upstream is sent.
func TestForward(t *testing.T) {
	t.Parallel()
	const from = "X-Forwarded-For: 127.0.0.1|X-Forwarded-Proto: http|X-Forwarded-Host: x|Via: 1.1 gw|"
	for _, c := range []struct {
		name, request, want string
		trust               bool
	}{
		{"GET", "GET /a?b HTTP/1.1|Host: x||", "/a?b|Host: x|" + from, false},
		{"absolute-form", "GET http://y:1/a?b HTTP/1.1|Host: y:1||", "/a?b|Host: y:1|X-Forwarded-For: 127.0.0.1|X-Forwarded-Proto: http|X-Forwarded-Host: y:1|Via: 1.1 gw|", false},
		{"absolute-form without a path", "GET http://x?b HTTP/1.1|Host: x||", "/?b|Host: x|" + from, false},
		{"absolute-form without anything", "GET http://x HTTP/1.1|Host: x||", "/|Host: x|" + from, false},
		{"OPTIONS of all", "OPTIONS http://x HTTP/1.1|Host: x||", "*|Host: x|" + from, false},
		{"hop by hop", "GET / HTTP/1.1|Connection: a, Host|A: 1|Host: x|B: 2|Keep-Alive: 1|Proxy-Connection: x|TE: gzip||", "/|Host: x|B: 2|" + from, false},
		{"spoofed", "GET / HTTP/1.1|Host: x|X-Forwarded-For: 1.2.3.4|Forwarded: for=1|x-forwarded-port: 1|X-Forward: 2||", "/|Host: x|X-Forward: 2|" + from, false},
		{"spoofed, for CGI", "GET / HTTP/1.1|Host: x|X_Forwarded_For: 1.2.3.4|x-forwarded_port: 1|X_Forward: 2||", "/|Host: x|X_Forward: 2|" + from, false},
		{"trusted", "GET / HTTP/1.1|Host: x|X-Forwarded-For: 1.2.3.4|X-Forwarded-For: 5|Forwarded: for=1|x-forwarded-port: 1|X-Forwarded-Proto: https|X-Forwarded-Host: y||",
			"/|Host: x|Forwarded: for=1|x-forwarded-port: 1|X-Forwarded-For: 1.2.3.4, 5, 127.0.0.1|X-Forwarded-Proto: https|X-Forwarded-Host: y|Via: 1.1 gw|", true},
		{"Via", "GET / HTTP/1.0|Host: x|Via: 1.1 a|Via: 1.0 b||", "/|Host: x|X-Forwarded-For: 127.0.0.1|X-Forwarded-Proto: http|X-Forwarded-Host: x|Via: 1.1 a, 1.0 b, 1.0 gw|", false},
		{"a length", "POST / HTTP/1.1|Host: x|Content-Length: 2||ab", "/|Host: x|" + from + "Content-Length: 2|", false},
		{"chunked", "POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked||0||", "/|Host: x|" + from, false},
		{"Expect", "POST / HTTP/1.1|Host: x|Expect: 100-continue|Content-Length: 2||", "/|Host: x|" + from + "Content-Length: 2|Expect: 100-continue|", false},
		{"Expect, and the body is there", "POST / HTTP/1.1|Host: x|Expect: 100-continue|Content-Length: 2||ab", "/|Host: x|" + from + "Content-Length: 2|", false},
		{"hops", "TRACE / HTTP/1.1|Host: x|Max-Forwards: 2||", "/|Host: x|" + from + "Max-Forwards: 1|", false},
		{"the last hop", "TRACE / HTTP/1.1|Host: x|Max-Forwards: 0||", "last|/|Host: x|" + from, false},
		{"hops of GET", "GET / HTTP/1.1|Host: x|Max-Forwards: 0||", "/|Host: x|Max-Forwards: 0|" + from, false},
		{"hops of GET, for one", "GET / HTTP/1.1|Host: x|Max-Forwards: 5|Connection: max-forwards||", "/|Host: x|" + from, false},
		{"hops for one", "OPTIONS / HTTP/1.1|Host: x|max-forwards: 5|Connection: max-forwards||", "/|Host: x|" + from + "Max-Forwards: 4|", false},
		{"more hops than are counted", "OPTIONS / HTTP/1.1|Host: x|Max-Forwards: 99999999999999999999||", "/|Host: x|" + from + "Max-Forwards: 2147483646|", false},
		{"hops that are no number", "OPTIONS / HTTP/1.1|Host: x|Max-Forwards: -1||", "/|Host: x|" + from, false},
		{"trailers", "GET / HTTP/1.1|Host: x|TE: deflate, trailers|Connection: TE||", "/|Host: x|" + from + "TE: trailers|Connection: TE|", false},
		{"trailers, which 1.0 does not have", "GET / HTTP/1.0|Host: x|TE: trailers|Connection: TE||", "/|Host: x|X-Forwarded-For: 127.0.0.1|X-Forwarded-Proto: http|X-Forwarded-Host: x|Via: 1.0 gw|", false},
		{"an empty Connection", "GET / HTTP/1.1|Host: x|Connection:|Connection: a|A: 1|B: 2||", "/|Host: x|B: 2|" + from, false},
		{"an offer of nothing", "GET / HTTP/1.1|Host: x|Connection: upgrade|Upgrade:||", "/|Host: x|" + from, false},
		{"an offer", "GET / HTTP/1.1|Host: x|Connection: upgrade|Upgrade: a|Upgrade: b||", "/|Host: x|" + from + "Connection: Upgrade|Upgrade: a, b|", false},
		{"h2c", "GET / HTTP/1.1|Host: x|Connection: upgrade|Upgrade: h2c||", "/|Host: x|" + from, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			s := start(t, &Server{}, func(w Response, r Request) {
				if r.LastHop() {
					b.WriteString("last|")
				}
				fmt.Fprintf(&b, "%s|", r.OriginForm())
				r.Forward("gw", c.trust, func(name, value []byte) error {
					fmt.Fprintf(&b, "%s: %s|", name, value)
					return nil
				})
				w.Set("Connection", "close")
				w.End(b.String())
			})
			k := s.dial()
			k.Send(strings.ReplaceAll(c.request, "|", "\r\n"))
			all, _ := io.ReadAll(k)
			if _, got, _ := bytes.Cut(all, []byte("\r\n\r\n")); string(got) != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestForwardCost has Forward allocate nothing, and ask the system for the client's
// address once.
func TestForwardCost(t *testing.T) {
	s := start(t, &Server{}, func(w Response, r Request) {
		n := 0
		add := func(name, value []byte) error { n += len(name) + len(value); return nil }
		r.Forward("gw", false, add)
		if allocs := testing.AllocsPerRun(100, func() { r.Forward("gw", false, add) }); allocs > 0 && !debugging {
			t.Errorf("%v allocations", allocs)
		}
		w.End("")
	})
	k := s.dial()
	k.Send(get("/", "Connection: close", "User-Agent: x", "Via: 1.1 a"))
	io.ReadAll(k)
}

// TestUnwrite has answers begin anew after their head was written.
func TestUnwrite(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		switch string(r.Path()) {
		case "/none": // nothing is written
			if w.Unwrite() {
				t.Error("nothing was taken back")
			}
			w.End("ok")
		case "/uncounted": // there was no exchange when the head was written
			w.WriteString("a")
			w.OnAbort(func(error) {})
			w.WriteString("b")
			if w.Unwrite() {
				t.Error("what was not counted was taken back")
			}
			w.End("c")
		case "/sent":
			w.Set("A", "b")
			w.WriteString("a")
			w.Post(func() {
				if w.Unwrite() {
					t.Error("what was sent was taken back")
				}
				w.End("b")
			})
		default:
			w.Status(404)
			w.Set("A", "b")
			w.Trailer("T", "u")
			w.WriteString("never seen")
			w.WriteString("nor this")
			if !w.Unwrite() || w.Begun() || w.Code() != 200 || w.Unwrite() {
				t.Error("not taken back")
			}
			w.Set("Content-Length", "2")
			w.WriteString("ok")
			w.End("")
		}
	})
	k := s.dial()
	for _, path := range []string{"/", "/none", "/uncounted", "/sent", "/"} {
		k.Send(get(path))
		want := map[string]string{"/uncounted": "200 abc", "/sent": "200 ab"}[path]
		if want == "" {
			want = "200 ok"
		}
		a := k.Want(want)
		if path == "/" && (a.Header.Get("A") != "" || len(a.Trailer) > 0 || a.ContentLength != 2) {
			t.Errorf("%s: %v, %v", path, a, a.Header)
		}
	}
	k.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + get("/", "Connection: close"))
	for range 2 {
		k.Want("200 ok")
	}
	until(t, "the counts of statuses", func() bool { return s.Stats().Status[2] == 7 && s.Stats().Status[4] == 0 })
}

// TestReset has an answer begin anew.
func TestReset(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		w.Status(404)
		w.Set("A", "b")
		w.Set("Content-Length", "5")
		w.Set("Connection", "close, x")
		w.Set("Date", "then")
		w.Set("Upgrade", "y")
		w.Trailer("T", "u")
		if err := w.Reset(); err != nil {
			t.Error(err)
		}
		w.Set("B", "c")
		w.WriteString("x")
		if err := w.Reset(); err != ErrHeadSent {
			t.Error(err)
		}
		w.End("")
		if w.Reset() == nil {
			t.Error("Reset after End")
		}
	})
	k := s.dial()
	k.Send(get("/", "Connection: close"))
	all, _ := io.ReadAll(k)
	const want = "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\nB: c\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n"
	if got := dateLine.ReplaceAllString(string(all), "\r\nDate: D\r\n"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
