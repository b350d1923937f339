// What an upstream reads of a request, and the client of an answer.

package main

import (
	"strings"
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
		{"trailers for one hop", "POST / HTTP/1.1|Host: x|Connection: A|Transfer-Encoding: chunked||5|hello|0|A: b|C: d||", "POST / HTTP/1.1|Transfer-Encoding: chunked||5|hello|0|C: d||", ok, okBack},
		{"an empty Connection", "GET / HTTP/1.1|Host: x|Connection:|Connection: A|A: 1|B: 2||", "GET / HTTP/1.1|B: 2||", ok, okBack},
		{"OPTIONS of all", "OPTIONS http://x HTTP/1.1|Host: x||", "OPTIONS * HTTP/1.1||", ok, okBack},
		{"OPTIONS with hops", "OPTIONS /a HTTP/1.1|Host: x|Max-Forwards: 5||", "OPTIONS /a HTTP/1.1|Max-Forwards: 4||", ok, okBack},
		{"TRACE with hops", "TRACE /a HTTP/1.1|Host: x|Max-Forwards: 1||", "TRACE /a HTTP/1.1|Max-Forwards: 0||", ok, okBack},
		{"HTTP/1.0", "GET / HTTP/1.0|Host: x|Connection: keep-alive||", "GET / HTTP/1.1|Via: 1.0 gw||", ok, "HTTP/1.1 200 OK|Content-Length: 2|Connection: keep-alive||ok"},

		{"answer hop by hop", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Connection: A|A: 1|B: 2|Keep-Alive: timeout=9|Proxy-Authenticate: x|Upgrade: h2c|Content-Length: 2||ok", "HTTP/1.1 200 OK|Content-Length: 2|B: 2||ok"},
		{"answer with cookies", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Set-Cookie: a|Set-Cookie: b|Content-Length: 2||ok", "HTTP/1.1 200 OK|Content-Length: 2|Set-Cookie: a|Set-Cookie: b||ok"},
		{"answer chunked with trailers", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|A: b||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|A: b||"},
		{"answer with trailers that do not belong there", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|Set-Cookie: a|Content-Length: 5|A: b||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|A: b||"},
		{"answer with trailers for one hop", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 200 OK|Connection: A|Transfer-Encoding: chunked||2|ok|0|A: b|C: d||", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|C: d||"},
		{"answer that wants another protocol", "GET / HTTP/1.1|Host: x||", "GET / HTTP/1.1||", "HTTP/1.1 426 Upgrade Required|Connection: upgrade|Upgrade: x|Content-Length: 2||no", "HTTP/1.1 426 Upgrade Required|Content-Length: 2|Upgrade: x|Connection: upgrade||no"},
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
		got := k.head()
		method, _, _ := strings.Cut(c.request, " ")
		_, allow, _ := strings.Cut(got, "|Allow: ")
		allow, _, _ = strings.Cut(allow, "|")
		if !strings.HasPrefix(got, "HTTP/1.1 "+c.status) || c.status == "405" && (allow == "" || strings.Contains(allow, method)) {
			t.Errorf("%q is answered %q", c.request, got)
		}
	}
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
