package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/client"
)

// plain takes out what is the same in all messages.
func plain(s, addr string) string {
	for _, line := range []string{"X-Forwarded-For: 127.0.0.1|X-Forwarded-Proto: http|X-Forwarded-Host: x|", "Via: 1.1 gw|", "Host: x|"} {
		s = strings.Replace(s, line, "", 1)
	}
	if i := strings.Index(s, "Date: "); i >= 0 {
		s = s[:i] + s[i+strings.Index(s[i:], "|")+1:]
	}
	return s
}

// TestHeads compares what an upstream reads, and what the client is answered.
func TestHeads(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK|Content-Length: 2||ok"
	const okBack = ok
	for _, c := range []struct{ name, request, upstream, answer, client string }{
		{"GET", "GET /a?b HTTP/1.1|Host: x||", "GET /a?b HTTP/1.1||", ok, okBack},
		{"an empty query", "GET /a? HTTP/1.1|Host: x||", "GET /a? HTTP/1.1||", ok, okBack},
		{"absolute-form", "GET http://x/a?b HTTP/1.1|Host: y||", "GET /a?b HTTP/1.1||", ok, okBack},
		{"absolute-form without a path", "GET http://x?b HTTP/1.1|Host: y||", "GET /?b HTTP/1.1||", ok, okBack},
		{"fields", "GET / HTTP/1.1|Host: x|A: 1|B: 2|a: 3||", "GET / HTTP/1.1|A: 1|B: 2|a: 3||", ok, okBack},
		{"hop by hop", "GET / HTTP/1.1|Host: x|Connection: A, keep-alive|Connection: B|A: 1|b: 2|C: 3|Keep-Alive: x|Proxy-Connection: x|Proxy-Authorization: x|TE: gzip|Upgrade: h2c|HTTP2-Settings: x||", "GET / HTTP/1.1|C: 3||", ok, okBack},
		{"trailers are taken", "GET / HTTP/1.1|Host: x|TE: deflate, trailers|Connection: TE||", "GET / HTTP/1.1|TE: trailers|Connection: TE||", ok, okBack},
		{"framing listed", "POST / HTTP/1.1|Host: x|Connection: Content-Length, Host|Content-Length: 2||hi", "POST / HTTP/1.1|Content-Length: 2||hi", ok, okBack},
		{"spoofed", "GET / HTTP/1.1|Host: x|X-Forwarded-For: 1.2.3.4|X-Forwarded-Host: evil|X-Forwarded-Proto: https|X-Forwarded-Port: 1|Forwarded: for=1.2.3.4||", "GET / HTTP/1.1||", ok, okBack},
		{"Via", "GET / HTTP/1.1|Host: x|Via: 1.0 a||", "GET / HTTP/1.1|Via: 1.0 a, 1.1 gw||", ok, okBack},
		{"POST", "POST / HTTP/1.1|Host: x|Content-Length: 5||hello", "POST / HTTP/1.1|Content-Length: 5||hello", ok, okBack},
		{"POST of nothing", "POST / HTTP/1.1|Host: x|Content-Length: 0||", "POST / HTTP/1.1|Content-Length: 0||", ok, okBack},
		{"chunked with trailers", "POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked|Trailer: A||5|hello|0|A: b||", "POST / HTTP/1.1|Trailer: A|Transfer-Encoding: chunked||5|hello|0|A: b||", ok, okBack},
		{"trailers that do not belong there", "POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked||5|hello|0|X-Forwarded-For: 1|Cookie: c|Via: v|Host: h|A: b||", "POST / HTTP/1.1|Transfer-Encoding: chunked||5|hello|0|A: b||", ok, okBack},
		{"OPTIONS of all", "OPTIONS http://x HTTP/1.1|Host: x||", "OPTIONS * HTTP/1.1||", ok, okBack},
		{"OPTIONS with hops", "OPTIONS /a HTTP/1.1|Host: x|Max-Forwards: 5||", "OPTIONS /a HTTP/1.1|Max-Forwards: 4||", ok, okBack},
		{"TRACE with hops", "TRACE /a HTTP/1.1|Host: x|Max-Forwards: 1||", "TRACE /a HTTP/1.1|Max-Forwards: 0||", ok, okBack},
		{"HTTP/1.0", "GET / HTTP/1.0|Host: x|Connection: keep-alive||", "GET / HTTP/1.1|Via: 1.0 gw||", ok, "HTTP/1.1 200 OK|Content-Length: 2|Connection: keep-alive||ok"},

		{"answer hop by hop", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Connection: A|A: 1|B: 2|Keep-Alive: timeout=9|Proxy-Authenticate: x|Upgrade: h2c|Content-Length: 2||ok", "HTTP/1.1 200 OK|Content-Length: 2|B: 2||ok"},
		{"answer with cookies", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Set-Cookie: a|Set-Cookie: b|Content-Length: 2||ok", "HTTP/1.1 200 OK|Content-Length: 2|Set-Cookie: a|Set-Cookie: b||ok"},
		{"answer chunked with trailers", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|A: b||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|A: b||"},
		{"answer with trailers that do not belong there", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|Set-Cookie: a|Content-Length: 5|A: b||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|A: b||"},
		{"answer until close", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK||ok(close)", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0||"},
		{"answer of HTTP/1.0", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.0 200 OK|Content-Length: 2||ok", "HTTP/1.1 200 OK|Content-Length: 2|Via: 1.0 gw||ok"},
		{"chunked to HTTP/1.0", "GET / HTTP/1.0|Host: x||", "GET / HTTP/1.1|Via: 1.0 gw||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|A: b||", "HTTP/1.1 200 OK|Connection: close||ok"},
		{"interim", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 103 Early Hints|Link: a||" + ok, "HTTP/1.1 103 Early Hints|Link: a||" + okBack},
		{"interim to HTTP/1.0", "GET / HTTP/1.0|Host: x||", "GET / HTTP/1.1|Via: 1.0 gw||", "HTTP/1.1 103 Early Hints|Link: a||" + ok, "HTTP/1.1 200 OK|Content-Length: 2|Connection: close||ok"},
		{"HEAD", "HEAD / HTTP/1.1|Host: x||", "HEAD / HTTP/1.1||", "HTTP/1.1 200 OK|Content-Length: 5||", "HTTP/1.1 200 OK|Content-Length: 5||"},
		{"204", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 204 No Content|Content-Length: 5||", "HTTP/1.1 204 No Content||"},
		{"205 with a body", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 205 Reset|Content-Length: 2||ok", "HTTP/1.1 205 Reset Content|Content-Length: 0||"},
		{"304", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 304 Not Modified|ETag: a||", "HTTP/1.1 304 Not Modified|ETag: a||"},
		{"304 with a length", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 304 Not Modified|Content-Length: 5||", "HTTP/1.1 304 Not Modified|Content-Length: 5||"},
		{"an odd status", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 599 What|Content-Length: 2||ok", "HTTP/1.1 599 |Content-Length: 2||ok"},
		{"a date", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Date: then|Content-Length: 2||ok", okBack},
		{"cut off", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Content-Length: 20||ok(close)", "HTTP/1.1 200 OK|Content-Length: 20||ok(cut off)"},
		{"chunked, cut off", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|(close)", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|(cut off)"},
		{"cut off to HTTP/1.0", "GET / HTTP/1.0|Host: x||", "GET / HTTP/1.1|Via: 1.0 gw||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|(close)", "HTTP/1.1 200 OK|Connection: close||ok(cut off)"},
		{"both framings", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Content-Length: 2|Transfer-Encoding: chunked||0||", "502"},
		{"no answer", "POST / HTTP/1.1|Host: x|Content-Length: 0||", "POST / HTTP/1.1|Content-Length: 0||", "(close)", "502"},
		{"not HTTP", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "SSH-2.0||", "502"},
		{"a switch nobody asked for", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 101 Switching|Upgrade: x|Connection: upgrade||", "502"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			read := make(chan string, 9)
			up := upstreamOf(t, func(p *peer) {
				want := c.upstream
				got := p.head()
				if got == "" {
					return
				}
				if i := strings.Index(want, "||"); i >= 0 && i+2 < len(want) {
					got += p.read(len(strings.ReplaceAll(want[i+2:], "|", "\r\n")))
				}
				read <- got
				answer, closes := strings.CutSuffix(c.answer, "(close)")
				p.say(answer)
				if !closes {
					p.all()
				}
			})
			addr := start(t, new(gateway), new(client.Client), up)
			k := dial(t, addr)
			k.say(c.request)
			select {
			case got := <-read:
				if got = plain(got, up); got != c.upstream {
					t.Errorf("the upstream read\n%q, want\n%q", got, c.upstream)
				}
			case <-time.After(patience):
				t.Fatal("nothing came to the upstream")
			}
			k.fin()
			got := plain(k.all(), addr)
			if len(c.client) == 3 {
				if !strings.HasPrefix(got, "HTTP/1.1 "+c.client) {
					t.Errorf("the client was answered %q", got)
				}
				return
			}
			if got != c.client {
				t.Errorf("the client was answered\n%q, want\n%q", got, c.client)
			}
		})
	}
}

// TestOwnAnswers are those that no upstream is asked for.
func TestOwnAnswers(t *testing.T) {
	t.Parallel()
	up := upstreamOf(t, func(p *peer) {
		if head := p.head(); head != "" {
			t.Errorf("the upstream was asked %q", head)
		}
	})
	addr := start(t, new(gateway), new(client.Client), up)
	for _, c := range []struct{ request, status string }{
		{"CONNECT x:80 HTTP/1.1|Host: x:80||", "405"},
		{"OPTIONS / HTTP/1.1|Host: x|Max-Forwards: 0||", "200"},
		{"TRACE / HTTP/1.1|Host: x|Max-Forwards: 0||", "405"},
		{"GET / HTTP/1.1||", "400"},
		{"POST / HTTP/1.1|Host: x|Content-Length: 2|Transfer-Encoding: chunked||0||", "400"},
	} {
		k := dial(t, addr)
		k.say(c.request)
		if got := k.head(); !strings.HasPrefix(got, "HTTP/1.1 "+c.status) {
			t.Errorf("%q is answered %q", c.request, got)
		}
	}
}

// TestTimeout is an upstream that says nothing.
func TestTimeout(t *testing.T) {
	t.Parallel()
	up := upstreamOf(t, func(p *peer) { p.all() })
	k := dial(t, start(t, new(gateway), &client.Client{HeadTimeout: 50 * time.Millisecond}, up))
	k.say("GET / HTTP/1.1|Host: x||")
	if got := k.head(); !strings.HasPrefix(got, "HTTP/1.1 504") {
		t.Error(got)
	}
}

// TestDeadUpstream has one of two refuse connections: nobody notices, whatever the method.
func TestDeadUpstream(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := ln.Addr().String()
	ln.Close()
	up := upstreamOf(t, func(p *peer) {
		for p.head() != "" {
			p.read(5)
			p.say("HTTP/1.1 200 OK|Content-Length: 2||ok")
		}
	})
	k := dial(t, start(t, new(gateway), new(client.Client), dead, up))
	for range 6 {
		k.say("POST / HTTP/1.1|Host: x|Content-Length: 5||hello")
		if got := k.head() + k.read(2); !strings.HasPrefix(got, "HTTP/1.1 200 OK|") {
			t.Fatal(got)
		}
	}
	k = dial(t, start(t, new(gateway), new(client.Client), dead))
	k.say("GET / HTTP/1.1|Host: x||")
	if got := k.head(); !strings.HasPrefix(got, "HTTP/1.1 502") {
		t.Error(got)
	}
}

// TestRetry has an upstream end the connection without an answer, once.
func TestRetry(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *peer){
		"FIN":   func(p *peer) {},
		"reset": func(p *peer) { p.Conn.(*net.TCPConn).SetLinger(0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			up := upstreamOf(t, func(p *peer) {
				if p.head(); n.Add(1) == 1 {
					end(p)
					return
				}
				p.say("HTTP/1.1 200 OK|Content-Length: 2||ok")
				p.all()
			})
			k := dial(t, start(t, new(gateway), new(client.Client), up))
			k.say("GET / HTTP/1.1|Host: x||")
			if got := k.head(); !strings.HasPrefix(got, "HTTP/1.1 200 OK|") {
				t.Error(got)
			}
		})
	}
}

// TestExpect is 100 Continue end to end.
func TestExpect(t *testing.T) {
	t.Parallel()
	up := upstreamOf(t, func(p *peer) {
		for {
			head := p.head()
			switch {
			case head == "":
				return
			case strings.HasPrefix(head, "POST /no"):
				p.say("HTTP/1.1 417 No|Content-Length: 2||no")
				return
			case !strings.Contains(head, "Expect: 100-continue|"):
				t.Errorf("%q", head)
			case p.in.Buffered() > 0:
				t.Error("the body did not wait")
			}
			p.say("HTTP/1.1 100 Continue||")
			p.read(5)
			p.say("HTTP/1.1 200 OK|Content-Length: 2||ok")
		}
	})
	addr := start(t, new(gateway), new(client.Client), up)
	k := dial(t, addr)
	for range 2 {
		k.say("POST / HTTP/1.1|Host: x|Expect: 100-continue|Content-Length: 5||")
		if got := k.head(); got != "HTTP/1.1 100 Continue||" {
			t.Fatal(got)
		}
		k.say("hello")
		if got := k.head() + k.read(2); !strings.HasPrefix(got, "HTTP/1.1 200 OK|") {
			t.Fatal(got)
		}
	}
	k = dial(t, addr)
	k.say("POST /no HTTP/1.1|Host: x|Expect: 100-continue|Content-Length: 5||")
	if got := k.head(); !strings.HasPrefix(got, "HTTP/1.1 417") {
		t.Fatal(got)
	}
}

// TestAtOnce has heads arrive before the bodies behind them, both ways.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	up := upstreamOf(t, func(p *peer) {
		p.head()
		p.say("HTTP/1.1 200 OK|Transfer-Encoding: chunked||")
		p.say("5|" + p.read(5) + "|0||")
	})
	k := dial(t, start(t, new(gateway), new(client.Client), up))
	k.say("POST / HTTP/1.1|Host: x|Content-Length: 5||")
	if got := k.head(); !strings.HasPrefix(got, "HTTP/1.1 200 OK|") {
		t.Fatal(got)
	}
	k.say("hello")
	if got := k.read(15); got != "5|hello|0||" {
		t.Error(got)
	}
}

// TestTunnel switches protocols: bytes that come early, and each end by itself.
func TestTunnel(t *testing.T) {
	t.Parallel()
	up := upstreamOf(t, func(p *peer) {
		head := p.head()
		if !strings.Contains(head, "Connection: Upgrade|Upgrade: echo|") {
			t.Errorf("%q", head)
		}
		p.say("HTTP/1.1 101 Switching Protocols|Connection: Upgrade|Upgrade: echo|X: y||hello, ")
		got := p.all() // until the client's FIN
		p.say(got)
	})
	k := dial(t, start(t, new(gateway), new(client.Client), up))
	k.say("GET / HTTP/1.1|Host: x|Connection: keep-alive, Upgrade|Upgrade: echo||wo")
	head := k.head()
	if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(strings.ToLower(head), "connection: upgrade|") || !strings.Contains(head, "Upgrade: echo|") {
		t.Errorf("%q", head)
	}
	k.say("rld")
	k.fin()
	if got := k.all(); got != "hello, world" {
		t.Errorf("%q", got)
	}
}

// TestEarlyAnswer has an upstream refuse an upload in the middle.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	up := upstreamOf(t, func(p *peer) {
		p.head()
		p.read(100_000)
		p.say("HTTP/1.1 413 Too Large|Content-Length: 4|Connection: close||much")
	})
	addr := start(t, new(gateway), new(client.Client), up)
	for range 20 {
		k := dial(t, addr)
		k.say("POST / HTTP/1.1|Host: x|Content-Length: 100000000||")
		go io.CopyN(k.Conn, zeros{}, 100_000_000)
		if got := k.head() + k.read(4); !strings.HasPrefix(got, "HTTP/1.1 413 ") || !strings.HasSuffix(got, "much") {
			t.Fatalf("%q", got)
		}
		k.Close()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestLeft has clients leave, at once or by a FIN, while an answer is due or on its way.
func TestLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, request string
		leave         func(k *peer)
	}{
		{"close", "GET / HTTP/1.1|Host: x||", func(k *peer) { k.Close() }},
		{"reset", "GET / HTTP/1.1|Host: x||", func(k *peer) { k.Conn.(*net.TCPConn).SetLinger(0); k.Close() }},
		{"in an upload", "POST / HTTP/1.1|Host: x|Content-Length: 50||hello", func(k *peer) { k.Close() }},
		{"in a chunked upload", "POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked||5|hello|", func(k *peer) { k.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			came, left := make(chan bool, 2), make(chan bool, 2)
			up := upstreamOf(t, func(p *peer) {
				p.head()
				came <- true
				p.all()
				left <- true
			})
			k := dial(t, start(t, new(gateway), new(client.Client), up))
			k.say(c.request)
			<-came
			c.leave(k)
			select {
			case <-left:
			case <-time.After(patience):
				t.Error("the upstream is still asked")
			}
		})
	}
}

// TestEcho passes much both ways at once: the answer comes of the request.
func TestEcho(t *testing.T) {
	size := 20 << 20
	if testing.Short() {
		size = 4 << 20
	}
	up := upstreamOf(t, func(p *peer) {
		p.head()
		p.say(fmt.Sprintf("HTTP/1.1 200 OK|Content-Length: %d||", size))
		io.CopyN(p.Conn, p.in, int64(size)) // an echo, no faster than its reader
	})
	k := dial(t, start(t, new(gateway), new(client.Client), up))
	k.say(fmt.Sprintf("POST / HTTP/1.1|Host: x|Content-Length: %d||", size))
	go io.CopyN(k.Conn, &counting{}, int64(size))
	if got := k.head(); !strings.HasPrefix(got, "HTTP/1.1 200 OK|") {
		t.Fatal(got)
	}
	want := &counting{}
	a, b := make([]byte, 16<<10), make([]byte, 16<<10)
	for n := 0; n < size; n += len(a) {
		if _, err := io.ReadFull(k.in, a); err != nil {
			t.Fatal(n, err)
		}
		io.ReadFull(want, b)
		if !bytes.Equal(a, b) {
			t.Fatal("another answer at", n)
		}
	}
}

// TestFlat passes much both ways between peers that read slowly, and looks at what the
// gateway holds meanwhile. With LURCHER_SHOW=1 it is 100 MB.
func TestFlat(t *testing.T) {
	const most = 1 << 20 // bytes that the two connections may hold
	size := int64(8 << 20)
	if os.Getenv("LURCHER_SHOW") == "1" {
		size = 100 << 20
	}
	for _, framing := range []struct{ name, length, chunked string }{
		{"sized", fmt.Sprintf("Content-Length: %d||", size), ""},
		{"chunked", "Transfer-Encoding: chunked||", fmt.Sprintf("%x|", size)},
	} {
		t.Run(framing.name, func(t *testing.T) {
			// slowly reads a body from p, and closes whole, while it writes one, but for the
			// last byte, which waits for last.
			slowly := func(p *peer, whole chan<- bool, last <-chan bool) error {
				sent := make(chan error, 1)
				go func() {
					pattern := new(counting)
					_, err := io.CopyN(p.Conn, pattern, size-1)
					<-last
					io.CopyN(p.Conn, pattern, 1)
					if framing.chunked != "" {
						p.say("|0||")
					}
					sent <- err
				}()
				p.head()
				body := io.Reader(p.in)
				if framing.chunked != "" {
					body = httputil.NewChunkedReader(p.in)
				}
				want, a, b := new(counting), make([]byte, 64<<10), make([]byte, 64<<10)
				for n := int64(0); n < size; n += int64(len(a)) {
					if _, err := io.ReadFull(body, a); err != nil {
						return fmt.Errorf("after %d bytes: %w", n, err)
					}
					if want.Read(b); !bytes.Equal(a, b) {
						return fmt.Errorf("other bytes after %d", n)
					}
					time.Sleep(time.Millisecond) // that is how slow
				}
				close(whole)
				return <-sent
			}
			done, asked, answered, now := make(chan error, 2), make(chan bool), make(chan bool), make(chan bool)
			close(now)
			up := upstreamOf(t, func(p *peer) {
				p.Conn.(*net.TCPConn).SetReadBuffer(256 << 10)
				p.in.Peek(1) // no answer before the request
				p.say("HTTP/1.1 200 OK|" + framing.length + framing.chunked)
				done <- slowly(p, asked, asked) // when the answer ends, so does the upload
			})
			addr, srv := serve(t, new(gateway), new(client.Client), up)
			k := dial(t, addr)
			k.Conn.(*net.TCPConn).SetReadBuffer(256 << 10)
			k.say("POST / HTTP/1.1|Host: x|" + framing.length + framing.chunked)
			go func() { done <- slowly(k, answered, now) }()
			var held int64
			for left := 2; left > 0; {
				select {
				case err := <-done:
					if left--; err != nil {
						t.Error(err)
					}
				case <-time.After(time.Millisecond):
					held = max(held, srv.Stats().Held)
				}
			}
			if held > most {
				t.Errorf("the gateway held %d bytes", held)
			}
			t.Logf("%d MB each way: at most %d KB held", size>>20, held>>10)
		})
	}
}

// counting is a pattern without an end.
type counting struct{ n uint32 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n >> (c.n % 24))
		c.n++
	}
	return len(p), nil
}

// TestTrust adds to what proxies in front have said, in one line.
func TestTrust(t *testing.T) {
	t.Parallel()
	read := make(chan string, 1)
	up := upstreamOf(t, func(p *peer) {
		read <- p.head()
		p.say("HTTP/1.1 204 Fine||")
	})
	k := dial(t, start(t, &gateway{trust: true}, new(client.Client), up))
	k.say("GET / HTTP/1.1|Host: x|X-Forwarded-For: 1.2.3.4|X-Forwarded-For: 5.6.7.8|X-Forwarded-Proto: https|X-Forwarded-Host: y|Forwarded: z||")
	if got, want := <-read, "GET / HTTP/1.1|Host: x|Forwarded: z|X-Forwarded-For: 1.2.3.4, 5.6.7.8, 127.0.0.1|X-Forwarded-Proto: https|X-Forwarded-Host: y|Via: 1.1 gw||"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
