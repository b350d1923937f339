// Requests as they are sent.

package client

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestRequests compares what a server reads.
func TestRequests(t *testing.T) {
	t.Parallel()
	end := func(q Request) { q.End("") }
	for _, c := range []struct {
		name, method, rest string
		fn                 func(q Request)
		want               string // HOST stands for host and port
	}{
		{"GET", "GET", "/", end, "GET / HTTP/1.1|Host: HOST||"},
		{"no path", "GET", "", end, "GET / HTTP/1.1|Host: HOST||"},
		{"a query alone", "GET", "?a=b", end, "GET /?a=b HTTP/1.1|Host: HOST||"},
		{"a fragment", "GET", "/a?b#c?d", end, "GET /a?b HTTP/1.1|Host: HOST||"},
		{"a fragment alone", "GET", "#c", end, "GET / HTTP/1.1|Host: HOST||"},
		{"OPTIONS of the server", "OPTIONS", "", end, "OPTIONS * HTTP/1.1|Host: HOST||"},
		{"OPTIONS of a path", "OPTIONS", "/", end, "OPTIONS / HTTP/1.1|Host: HOST||"},
		{"another target", "CONNECT", "/", func(q Request) { q.Target("example.com:443"); q.End("") }, "CONNECT example.com:443 HTTP/1.1|Host: HOST||"},
		{"another host", "GET", "/", func(q Request) { q.Set("A", "b"); q.Set("host", "example.com"); q.End("") }, "GET / HTTP/1.1|host: example.com|A: b||"},
		{"fields", "GET", "/", func(q Request) {
			q.Set("A", " 1 ")
			q.Add("a", "2")
			q.Set("B", "3")
			q.Set("b", "4")
			q.AddBytes([]byte("C"), []byte("5"))
			q.End("")
		}, "GET / HTTP/1.1|Host: HOST|A: 1|a: 2|b: 4|C: 5||"},
		{"POST of nothing", "POST", "/", end, "POST / HTTP/1.1|Host: HOST|Content-Length: 0||"},
		{"POST", "POST", "/", func(q Request) { q.End("hello") }, "POST / HTTP/1.1|Host: HOST|Content-Length: 5||hello"},
		{"GET with a body", "GET", "/", func(q Request) { q.End("hello") }, "GET / HTTP/1.1|Host: HOST|Content-Length: 5||hello"},
		{"in parts", "POST", "/", func(q Request) { q.WriteString("he"); q.End("llo") }, "POST / HTTP/1.1|Host: HOST|Transfer-Encoding: chunked||2|he|3|llo|0||"},
		{"in parts, with a length", "POST", "/", func(q Request) { q.Set("Content-Length", "5"); q.WriteString("he"); q.End("llo") },
			"POST / HTTP/1.1|Host: HOST|Content-Length: 5||hello"},
		{"a trailer", "POST", "/", func(q Request) { q.Trailer("A", "b"); q.End("x") }, "POST / HTTP/1.1|Host: HOST|Transfer-Encoding: chunked||1|x|0|A: b||"},
		{"a trailer without a body", "GET", "/", func(q Request) { q.Trailer("A", "b"); q.End("") }, "GET / HTTP/1.1|Host: HOST|Transfer-Encoding: chunked||0|A: b||"},
		{"another expectation", "GET", "/", func(q Request) { q.Set("Expect", "x"); q.End("") }, "GET / HTTP/1.1|Host: HOST|Expect: x||"},
		{"Expect without a body", "GET", "/", func(q Request) { q.Set("Expect", "100-continue"); q.End("") }, "GET / HTTP/1.1|Host: HOST||"},
		{"close", "GET", "/", func(q Request) { q.Set("Connection", "close"); q.End("") }, "GET / HTTP/1.1|Host: HOST|Connection: close||"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, first := range []string{"Do first", "End first"} {
				read := make(chan string, 1)
				url := peers(t, func(p *peer) {
					var b strings.Builder
					want := strings.NewReplacer("|", "\r\n", "HOST", p.LocalAddr().String()).Replace(c.want)
					for b.Len() < len(want) {
						c, err := p.In.ReadByte()
						if err != nil {
							break
						}
						b.WriteByte(c)
					}
					p.Say("HTTP/1.1 204 Fine\r\n\r\n")
					rest, _ := io.ReadAll(p.In)
					if got := b.String() + string(rest); got != want {
						t.Errorf("%s: sent %q\nwant %q", first, got, want)
					}
					read <- ""
				})
				r := start(t, &Client{})
				ch := make(chan got, 4)
				r.do(func() {
					q := r.pool.Request(c.method, url+c.rest)
					if first == "Do first" {
						q.Do(collect(ch))
						c.fn(q)
					} else {
						c.fn(q)
						q.Do(collect(ch))
					}
				})
				if c.method == "CONNECT" {
					r.pool.loop.Post(func() {})
					if g := wait(t, ch); g.err == nil {
						t.Error("a tunnel was streamed")
					}
					r.do(func() { r.pool.Close() })
					continue
				}
				wait(t, ch).want(t, "204")
				r.do(func() { r.pool.Close() })
				wait(t, read)
			}
		})
	}
}

// TestTargets: a URL that begins like the one before is not taken apart, and has the same target.
func TestTargets(t *testing.T) {
	t.Parallel()
	r := start(t, &Client{})
	r.do(func() {
		for range 2 {
			for _, c := range []struct{ method, rest, want string }{
				{"GET", "", "/"}, {"GET", "/", "/"}, {"GET", "/a?b", "/a?b"}, {"GET", "?b", "/?b"}, {"GET", "#c", "/"}, {"GET", "/a#c", "/a"},
				{"OPTIONS", "", "*"}, {"OPTIONS", "#c", "*"}, {"OPTIONS", "/", "/"}, {"GET", "/ ", ""}, {"GET", ".test", "/"}, {"GET", ":1", "/"},
			} {
				x := &exchange{method: c.method}
				if err := r.pool.locate(x, "http://example"+c.rest); x.target != c.want || (err != nil) != (c.want == "") {
					t.Errorf("%s %q: %q, %v", c.method, c.rest, x.target, err)
				}
				if want := "example" + strings.TrimRight(c.rest, "/?#abc "); c.want != "" && x.host != want {
					t.Errorf("%s %q is for %q", c.method, c.rest, x.host)
				}
				if err := r.pool.locate(new(exchange), "/a"); err == nil {
					t.Error("a URL has no origin")
				}
			}
		}
	})
}

// TestHosts is what becomes of the authority of a URL.
func TestHosts(t *testing.T) {
	t.Parallel()
	r := start(t, &Client{})
	for _, c := range []struct{ url, origin, host, auth string }{
		{"http://example.com/", "http://example.com:80", "example.com", ""},
		{"HTTP://EXAMPLE.com:80", "http://example.com:80", "EXAMPLE.com:80", ""},
		{"http://example.com:/", "http://example.com:80", "example.com", ""},
		{"https://example.com?x", "https://example.com:443", "example.com", ""},
		{"https://example.com:8443", "https://example.com:8443", "example.com:8443", ""},
		{"http://[::1]/", "http://[::1]:80", "[::1]", ""},
		{"http://[::1]:8080", "http://[::1]:8080", "[::1]:8080", ""},
		{"http://[fe80::1%25lo]:8080/", "http://[fe80::1%lo]:8080", "[fe80::1]:8080", ""},
		{"http://127.0.0.1:1/", "http://127.0.0.1:1", "127.0.0.1:1", ""},
		{"http://user:p%40ss@example.com/", "http://example.com:80", "example.com", "Basic dXNlcjpwQHNz"},
		{"http://user@example.com:81", "http://example.com:81", "example.com:81", "Basic dXNlcjo="},
		{"http://a@b@example.com/", "http://example.com:80", "example.com", "Basic YUBiOg=="},
	} {
		for range 2 { // the second finds it
			r.do(func() {
				q := r.pool.Request("GET", c.url)
				x := q.x
				if x.o == nil {
					t.Errorf("%s is refused", c.url)
					return
				}
				if x.o != r.pool.origins[c.origin] || x.host != c.host || x.extra().userinfo != c.auth {
					t.Errorf("%s: origin %s, host %q, userinfo %q", c.url, x.o.addr, x.host, x.extra().userinfo)
				}
			})
		}
	}
	for _, url := range []string{
		"", "/", "example.com", "//example.com/", "ftp://example.com/", "http:/example.com", "http://", "http:///x",
		"http://:80/", "http://example.com:x/", "http://example.com:0/", "http://example.com:65536/", "http://example.com:-1",
		"http://a b/", "http://a\r\n/", "http://a%0d%0a/", "http://ä.example/", "http://[::1", "http://[x]/", "http://[1.2.3.4]/", "http://[::1]x/",
		"http://[::1%25a b]/", "http://example.com/a b", "http://example.com/\r\nX: y", "http://example.com/ä", "http://example.com/\x00", "http://example.com/\x7f",
		"http://example.com\\@x/", "http://u:%zz@x/", "http://exa\tmple.com/", "http\u017f://example.com/",
	} {
		if g := r.get(url); !errors.Is(g.err, ErrURL) {
			t.Errorf("%q: %v", url, g)
		}
	}
	if n := len(r.pool.origins); n > 20 {
		t.Errorf("%d origins", n)
	}
}

// TestRefused is what would split a request, or cannot be one.
func TestRefused(t *testing.T) {
	t.Parallel()
	url := serveNothing(t)
	r := start(t, &Client{})
	for _, m := range []string{"", "G T", "GET\r\n", "GET /x HTTP/1.1\r\nA:", "ä", "a:b"} {
		if g := r.ask(m, url, nil); !errors.Is(g.err, ErrMethod) {
			t.Errorf("method %q: %v", m, g)
		}
	}
	r.do(func() {
		q := r.pool.Request("GET", url)
		for _, f := range [][2]string{{"", "x"}, {"a b", "x"}, {"a:", "x"}, {"a\r\n", "x"}, {"a", "x\r\ny: z"}, {"a", "x\ny"}, {"a", "x\x00"}, {"a", "\x7f"}, {"ä", "x"},
			{"Transfer-Encoding", "chunked"}, {"transfer-encoding", "gzip"}, {"Content-Length", "x"}, {"Content-Length", "-1"}, {"Content-Length", "+1"}, {"Content-Length", ""},
			{"Content-Length", "99999999999999999999"}, {"Host", "a\r\n"}} {
			if err := q.Set(f[0], f[1]); err != ErrField {
				t.Errorf("%q: %v", f, err)
			}
		}
		for _, target := range []string{"", "a b", "/\r\n", "/#", "/ä"} {
			if err := q.Target(target); err != ErrTarget {
				t.Errorf("target %q: %v", target, err)
			}
		}
		for _, name := range []string{"Content-Length", "Host", "a b", "Transfer-Encoding"} {
			if err := q.Trailer(name, "x"); err != ErrField {
				t.Errorf("trailer %q: %v", name, err)
			}
		}
	})
}

// serveNothing returns the URL of a server that sends nothing.
func serveNothing(t testing.TB) string { return peers(t, func(p *peer) { io.Copy(io.Discard, p.In) }) }

// TestStale calls every method of handles whose exchange is over.
func TestStale(t *testing.T) {
	t.Parallel()
	url := always(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	r := start(t, &Client{})
	var q Request
	g := r.ask("GET", url, func(p Request) { q = p; p.End("") })
	n := 0
	r.do(func() {
		next := r.pool.Request("GET", url) // it has the room of the first
		for _, q := range []Request{q, {}} {
			_, err := q.Write([]byte("x"))
			for i, err := range []error{err, q.Set("A", "b"), q.End(""), q.Close(), q.Abort(), q.Trailer("A", "b"), q.Target("/")} {
				if err == nil {
					t.Error("no error from", i)
				}
			}
			if !q.Full() {
				t.Error("not Full")
			}
			q.OnInform(nil)
			q.OnDrain(func() { n++ })
			q.Do(func(r Response, err error) {
				if n++; err == nil {
					t.Error("no error from Do")
				}
			})
		}
		for _, a := range []Response{g.r, {}} {
			_, err := a.Hijack(nil)
			for i, err := range []error{err, a.Stream(nil), a.Body(1, nil), a.Pipe(q), a.Trailer(nil)} {
				if err == nil {
					t.Error("no error from", i)
				}
			}
			a.Pause()
			a.Resume()
			if a.Get("Content-Length") != nil || a.Length() != 0 || a.TLS() != nil || a.RemoteAddr() != nil || a.Reused() {
				t.Error("a stale answer says something")
			}
			for range a.All() {
				t.Error("a stale answer has fields")
			}
		}
		if len(next.x.fields) != 0 || next.x.send != composing {
			t.Error("a stale handle touched what is not its own")
		}
	})
	r.do(func() {
		if n != 2 {
			t.Errorf("%d calls", n)
		}
	})
	if g.r.Status() != 200 {
		t.Error("the status is forgotten")
	}
}

// TestDoTwice is a mistake.
func TestDoTwice(t *testing.T) {
	t.Parallel()
	url := always(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	r := start(t, &Client{})
	second := make(chan error, 1)
	r.ask("GET", url, func(q Request) {
		q.Do(func(_ Response, err error) { second <- err })
		q.End("")
		if err := q.End(""); err == nil {
			t.Error("End twice")
		}
	}).want(t, "200 ok")
	if err := wait(t, second); !errors.Is(err, ErrAsked) {
		t.Error(err)
	}
}

// TestContinue has the body wait for 100 Continue.
func TestContinue(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, c := range []struct {
		name   string
		client *Client
		peer   func(p *peer)
		want   string
	}{
		{"100", &Client{ContinueTimeout: -1}, func(p *peer) {
			if n := p.In.Buffered(); n != 0 {
				p.T.Errorf("%d bytes came before 100", n)
			}
			p.Say("HTTP/1.1 100 Continue\r\n\r\n")
			io.ReadFull(p.In, make([]byte, 10))
			p.Say(ok)
		}, "200 ok"},
		{"417", &Client{ContinueTimeout: -1}, func(p *peer) { p.Say("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno") }, "417 no"},
		{"silence", &Client{ContinueTimeout: 1}, func(p *peer) { io.ReadFull(p.In, make([]byte, 10)); p.Say(ok) }, "200 ok"},
		{"the end", &Client{ContinueTimeout: -1}, func(p *peer) {}, "client: write: the server closed the connection without an answer: unexpected EOF (the request was written, at least in part)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for name, fn := range map[string]func(q Request){
				"whole": func(q Request) { q.Set("Expect", "100-continue"); q.End("0123456789") },
				"in parts": func(q Request) {
					q.Set("Content-Length", "10")
					q.Set("Expect", "100-Continue")
					q.WriteString("01234")
					q.End("56789")
				},
				"later": func(q Request) {
					q.Set("Content-Length", "10")
					q.Set("Expect", "100-Continue")
					q.Write(nil)
					if !q.Full() {
						t.Error("not full while 100 is due")
					}
					q.OnDrain(func() { q.End("0123456789") })
				},
			} {
				url := peers(t, func(p *peer) { p.Head(); c.peer(p) })
				if g := start(t, c.client).ask("POST", url, fn); g.String() != c.want {
					t.Errorf("%s: %v", name, g)
				}
			}
		})
	}
}

// TestEarlyAnswer has the server answer in the middle of an upload, and close.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	rounds := 1000
	if testing.Short() {
		rounds = 50
	}
	url := peers(t, func(p *peer) {
		p.Head()
		io.CopyN(io.Discard, p.In, 100_000)
		p.Say("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch")
		// It closes with input unread: a reset follows the answer.
	})
	r := start(t, &Client{})
	piece := make([]byte, 64<<10)
	for i := range rounds {
		g := r.ask("POST", url, func(q Request) {
			left := 100 << 20
			q.Set("Content-Length", fmt.Sprint(left))
			var more func()
			more = func() {
				for !q.Full() && left > 0 {
					n := min(left, len(piece))
					if _, err := q.Write(piece[:n]); err != nil {
						return
					}
					left -= n
				}
				if left > 0 {
					q.OnDrain(more)
				}
			}
			more()
		})
		if g.String() != "413 much" {
			t.Fatalf("round %d: %v", i, g)
		}
	}
}
