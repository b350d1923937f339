// Mux beside http.ServeMux: the same table, the same answers.

package nethttp

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/server"
)

// muxPatterns have wildcards, hosts, methods, and each other's beginnings.
var muxPatterns = []string{
	"/", "GET /a", "POST /a", "/a/", "GET /a/{x}", "/a/{x}/b", "/ab/{rest...}", "GET /items/{id}/{$}", "/dir/", "host.example/", "GET host.example/a",
	"/p/{one}/{two}/deep", "/ends/{$}", "DELETE /a/{x}",
}

// TestMuxAgrees: whatever is asked, Mux answers as ServeMux does, with handlers of
// either kind behind the patterns.
func TestMuxAgrees(t *testing.T) {
	t.Parallel()
	std := http.NewServeMux()
	m := &Mux{Workers: 2}
	names := []string{"x", "id", "rest", "one", "two", "none"}
	for i, p := range muxPatterns {
		h := func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s", r.Pattern)
			for _, n := range names {
				fmt.Fprintf(w, " %q", r.PathValue(n))
			}
		}
		std.HandleFunc(p, h)
		if i%2 == 0 {
			m.HandleFunc(p, h)
			continue
		}
		m.Native(p, func(w server.Response, r server.Request) {
			w.Set("Content-Type", "text/plain; charset=utf-8")
			text := p
			for _, n := range names {
				text += fmt.Sprintf(" %q", r.PathValue(n))
			}
			w.End(text)
		})
	}
	theirs := httptest.NewServer(std)
	defer theirs.Close()
	ours := start(t, &server.Server{}, m.Serve)
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PATCH"} {
		for _, host := range []string{"x", "host.example", "host.example:80"} {
			for _, path := range []string{"/", "/a", "/a/", "/a/1", "/a/1/b", "/a/b/c/d", "/ab/c/d", "/ab", "/ab/", "/a/b", "/a/b/", "/items/7", "/items/7/", "/dir", "/dir/x", "//a", "/a/../a", "/./a",
				"/p/q/r/deep", "/p/q", "/ends", "/ends/", "/ends/x", "/a/%2f", "/a/%e4%b8%96", "/a/x%20y/b", "/a?q=1", "/dir?q=1", "/a/b/%2e%2e/c", "http://host.example/a", "/a//b"} {
				in := method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"
				want, got := ask(t, theirs.Listener.Addr().String(), method, in), ask(t, ours.addr.String(), method, in)
				if got != want {
					t.Errorf("%s %s of %s:\nServeMux: %s\nMux:      %s", method, path, host, want, got)
				}
			}
		}
	}
}

// ask returns one answer in short.
func ask(t *testing.T, addr, method, in string) string {
	t.Helper()
	c := dial(t, addrOf(addr))
	defer c.Close()
	c.Send(in)
	a, err := c.Answer(method)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(a.StatusCode, " ", a.Header.Get("Location"), " ", a.Header.Get("Allow"), " ", a.Header.Get("Content-Type"), " ", a.Text)
}

type addrOf string

func (addrOf) Network() string  { return "tcp" }
func (a addrOf) String() string { return string(a) }

// TestMuxPanics: what ServeMux does not take Mux does not, and says so.
func TestMuxPanics(t *testing.T) {
	t.Parallel()
	for name, fn := range map[string]func(m *Mux){
		"no pattern":  func(m *Mux) { m.HandleFunc("", func(http.ResponseWriter, *http.Request) {}) },
		"no handler":  func(m *Mux) { m.Handle("/", nil) },
		"no function": func(m *Mux) { m.HandleFunc("/", nil) },
		"no native":   func(m *Mux) { m.Native("/", nil) },
		"conflict": func(m *Mux) {
			m.Native("/{a}", func(server.Response, server.Request) {})
			m.Native("/{b}", func(server.Response, server.Request) {})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			fn(new(Mux))
		}()
	}
}

// TestMuxNativeLater: a native handler of a Mux may answer later, read the body, and
// call another; PathValue is empty after its return, as Path is.
func TestMuxNativeLater(t *testing.T) {
	t.Parallel()
	m := new(Mux)
	std := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "std") }), 1)
	m.Native("POST /later/{x}", func(w server.Response, r server.Request) {
		x := r.PathValue("x")
		r.Body(100, func(body []byte) {
			text := string(body)
			w.Post(func() { w.End(x + " " + text + " " + r.PathValue("x")) })
		})
	})
	m.Native("/std/", std)
	m.Native("/panic/{x}", func(w server.Response, r server.Request) { panic(r.PathValue("x")) })
	s := start(t, &server.Server{}, m.Serve)
	k := s.dial()
	for _, word := range []string{"one", "two"} {
		k.Send(post("/later/"+word, "body"))
		k.Want("200 " + word + " body")
		k.Send(get("/std/"))
		k.Want("200 std")
	}
	k.Send(get("/panic/x"))
	k.WantGone()
	s.logs.Want(t, "panic")
	k = s.dial()
	k.Send(get("/std/") + get("/none") + post("/later/a", "b") + get("/later/a"))
	k.Want("200 std")
	k.Want("404")
	k.Want("200 a b")
	k.Want("405")
}

// BenchmarkMux is what the way through the table costs a native handler.
func BenchmarkMux(b *testing.B) {
	m := new(Mux)
	m.Native("GET /rooms/{room}/messages", func(w server.Response, r server.Request) { w.End(r.PathValue("room")) })
	m.Native("GET /ping", func(w server.Response, r server.Request) { w.End("pong") })
	for name, h := range map[string]server.Handler{"direct": func(w server.Response, r server.Request) { w.End("pong") }, "Mux": m.Serve} {
		for _, path := range []string{"/ping", "/rooms/7/messages"} {
			b.Run(name+path, func(b *testing.B) {
				s := start(b, &server.Server{}, h)
				k := s.dial()
				in := []byte(strings.Repeat(get(path), 16))
				for b.Loop() { // 16 requests, and reading their answers by net/http
					k.Write(in)
					for range 16 {
						if _, err := k.Answer("GET"); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
