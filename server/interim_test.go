// Interim answers and trailer sections.

package server

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestInform(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		w.Set("Link", "</a.css>; rel=preload")
		for _, code := range []int{99, 101, 200} {
			if w.Inform(code) == nil {
				t.Errorf("%d is an interim status", code)
			}
		}
		if err := w.Inform(103); err != nil {
			t.Error(err)
		}
		w.Set("X-Last", "1")
		w.WriteString("x")
		if err := w.Inform(103); err != ErrHeadSent {
			t.Error(err)
		}
		w.End("")
		if w.Inform(103) == nil {
			t.Error("Inform after End")
		}
	})
	for _, c := range []struct{ in, want string }{
		{get("/", "Connection: close"), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" +
			"HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\nLink: </a.css>; rel=preload\r\nX-Last: 1\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n"},
		{"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nDate: D\r\nLink: </a.css>; rel=preload\r\nX-Last: 1\r\nConnection: close\r\n\r\nx"},
	} {
		k := s.dial()
		k.Send(c.in)
		all, err := io.ReadAll(k)
		if got := dateLine.ReplaceAllString(string(all), "\r\nDate: D\r\n"); err != nil || got != c.want {
			t.Errorf("%q: %q, %v, want %q", c.in, got, err, c.want)
		}
	}
}

func TestTrailer(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nDate: D\r\n"
	add := func(t *testing.T, w Response) {
		for _, c := range []struct {
			name, value string
			want        error
		}{
			{"X-A", " 1 ", nil}, {"X-B", "2", nil}, {"Content-Length", "1", ErrField}, {"transfer-encoding", "x", ErrField}, {"Host", "x", ErrField},
			{"If-Match", "x", ErrField}, {"X A", "1", ErrField}, {"X-C", "1\r\nX-D: 2", ErrField},
		} {
			if err := w.Trailer(c.name, c.value); err != c.want {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
	}
	for _, c := range []struct {
		name, in string
		h        func(t *testing.T, w Response)
		want     string
	}{
		{"behind a part", get("/", "Connection: close"), func(t *testing.T, w Response) { w.WriteString("abc"); add(t, w); w.End("d") },
			head + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n"},
		{"before all", get("/", "Connection: close"), func(t *testing.T, w Response) { add(t, w); w.End("abc") },
			head + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n"},
		{"before nothing", get("/", "Connection: close"), func(t *testing.T, w Response) { add(t, w); w.End("") },
			head + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n"},
		{"1.0 gets none", "GET / HTTP/1.0\r\n\r\n", func(t *testing.T, w Response) { w.Trailer("X-A", "1"); w.End("abc") },
			head + "Content-Length: 3\r\nConnection: close\r\n\r\nabc"},
		{"nor does HEAD", request("HEAD", "/", "Connection: close"), func(t *testing.T, w Response) { w.Trailer("X-A", "1"); w.End("abc") },
			head + "Content-Length: 3\r\nConnection: close\r\n\r\n"},
		{"nor 204", get("/", "Connection: close"), func(t *testing.T, w Response) { w.Status(204); w.Trailer("X-A", "1"); w.End("") },
			"HTTP/1.1 204 No Content\r\nDate: D\r\nConnection: close\r\n\r\n"},
		{"nor what has a length", get("/", "Connection: close"), func(t *testing.T, w Response) {
			w.Set("Content-Length", "3")
			if err := w.Trailer("X-A", "1"); err != ErrTrailer {
				t.Error(err)
			}
			w.WriteString("ab")
			if err := w.Trailer("X-A", "1"); err != ErrTrailer {
				t.Error(err)
			}
			w.End("c")
		}, head + "Content-Length: 3\r\nConnection: close\r\n\r\nabc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, &Server{}, func(w Response, r Request) { c.h(t, w) })
			k := s.dial()
			k.Send(c.in)
			all, err := io.ReadAll(k)
			if got := dateLine.ReplaceAllString(string(all), "\r\nDate: D\r\n"); err != nil || got != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// TestRequestTrailer: in front of the last piece of the body, however it was cut.
func TestRequestTrailer(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		if string(r.Path()) == "/last" {
			w.End("the end")
			return
		}
		var fields []string
		r.Trailer(func(name, value []byte) { fields = append(fields, fmt.Sprintf("%s=%s", name, value)) })
		if string(r.Path()) == "/unread" {
			w.End("unread")
			return
		}
		r.Body(100, func(body []byte) {
			w.End(fmt.Sprintf("%s %v", body, fields))
		})
		if string(r.Path()) == "/late" && r.Trailer(func(_, _ []byte) {}) == nil && r.Length() != 0 {
			t.Error("Trailer behind Body")
		}
	})
	chunked := func(path, rest string) string {
		return request("POST", path, "Transfer-Encoding: chunked") + rest
	}
	for _, c := range []struct{ name, in, want string }{
		{"two", chunked("/", "3\r\nabc\r\n0\r\nX-A: 1\r\nx-b:  2 \r\n\r\n"), "200 abc [X-A=1 x-b=2], 200 the end"},
		{"none", chunked("/late", "3\r\nabc\r\n0\r\n\r\n"), "200 abc [], 200 the end"},
		{"no body", get("/"), "200  [], 200 the end"},
		{"not chunked", post("/", "abc"), "200 abc [], 200 the end"},
		{"nobody reads it", chunked("/unread", "3\r\nabc\r\n0\r\nX-A: 1\r\n\r\n"), "200 unread, 200 the end"},
		{"malformed", chunked("/", "3\r\nabc\r\n0\r\nX A: 1\r\n\r\n"), "400"},
		{"too large", chunked("/", "0\r\nX-A: "+strings.Repeat("x", 20<<10)+"\r\n\r\n"), "431"},
		{"too many", chunked("/", "0\r\n"+strings.Repeat("A: 1\r\n", mostTrailer+1)+"\r\n"), "431"},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			t.Run(fmt.Sprintf("%s, %d", c.name, step), func(t *testing.T) {
				t.Parallel()
				k := s.dial()
				go func() {
					for in := c.in + last; len(in) > 0; in = in[min(step, len(in)):] {
						k.Write([]byte(in[:min(step, len(in))]))
					}
				}()
				got := k.All()
				if c.name == "nobody reads it" && step < 10 && got == "200 unread" {
					return // it had not all come, and who does not know how long it is closes
				}
				if got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
			})
		}
	}
	k := s.dial()
	k.Send(chunked("/", "3\r\nabc\r\n0\r\nX-A: 1\r\n"))
	k.FIN()
	k.Want("400")
}
