// What proxies need: the fields of an answer that go on, and requests that go
// elsewhere.

package client

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

// TestForward compares the fields that a proxy's client is sent.
func TestForward(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, answer, want string }{
		{"GET", "HTTP/1.1 200 OK|A: b|Connection: x, keep-alive|X: 1|Keep-Alive: timeout=5|Content-Length: 2||ok", "A: b|Content-Length: 2|Via: 1.1 gw|"},
		{"GET", "HTTP/1.0 200 OK|Via: 1.1 a|Via: 1.0 b||ok", "Via: 1.1 a, 1.0 b, 1.0 gw|"},
		{"GET", "HTTP/1.1 200 OK|Transfer-Encoding: chunked||0||", "Via: 1.1 gw|"},
		{"GET", "HTTP/1.1 200 OK|Content-Length: 0||", "Content-Length: 0|Via: 1.1 gw|"},
		{"HEAD", "HTTP/1.1 200 OK|Content-Length: 5||", "Content-Length: 5|Via: 1.1 gw|"},
		{"HEAD", "HTTP/1.1 200 OK|Content-Length: 0||", "Content-Length: 0|Via: 1.1 gw|"},
		{"HEAD", "HTTP/1.1 200 OK|Transfer-Encoding: chunked|Content-Length: 5||", "Via: 1.1 gw|"},
		{"HEAD", "HTTP/1.1 200 OK||", "Via: 1.1 gw|"},
		{"GET", "HTTP/1.1 304 Same|Content-Length: 7|Content-Length: 8||", "Via: 1.1 gw|"},
		{"GET", "HTTP/1.1 103 Hints|Link: a|Keep-Alive: x||HTTP/1.1 204 None||", "Link: a|Via: 1.1 gw|"},
		{"GET", "HTTP/1.1 101 Switching|Connection: upgrade|Upgrade: a|Upgrade: b|Content-Length: 9||", "Upgrade: a, b|Via: 1.1 gw|"},
		{"GET", "HTTP/1.1 426 Upgrade|Connection: upgrade|Upgrade: a|Upgrade: b|Content-Length: 2||no", "Content-Length: 2|Upgrade: a, b|Via: 1.1 gw|"},
		{"GET", "HTTP/1.1 200 OK|Connection: upgrade|Upgrade: a|Content-Length: 2||ok", "Content-Length: 2|Via: 1.1 gw|"},
		{"GET", "HTTP/1.1 200 OK|Connection:|Connection: a|A: 1|B: 2|Content-Length: 2||ok", "B: 2|Content-Length: 2|Via: 1.1 gw|"},
		{"GET", "HTTP/1.1 103 Hints|Content-Length: 9||HTTP/1.1 204 None|Content-Length: 9||", "Via: 1.1 gw|"},
		{"CONNECT", "HTTP/1.1 200 OK|Content-Length: 9||", "Via: 1.1 gw|"},
	} {
		url := peers(t, func(p *peer) {
			p.Head()
			p.Say(strings.ReplaceAll(c.answer, "|", "\r\n"))
		})
		r := start(t, &Client{})
		ch := make(chan string, 1)
		r.do(func() {
			var b strings.Builder
			add := func(name, value []byte) error {
				fmt.Fprintf(&b, "%s: %s|", name, value)
				return nil
			}
			q := r.pool.Request(c.method, url)
			q.Set("Connection", "upgrade")
			q.Set("Upgrade", "a")
			q.OnInform(func(a Response) { a.Forward("gw", add) })
			q.Do(func(a Response, err error) {
				if err != nil {
					t.Error(err)
				}
				a.Forward("gw", add)
				ch <- b.String()
				a.Request().Abort()
			})
			q.End("")
		})
		if got := wait(t, ch); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.method, c.answer, got, c.want)
		}
	}
}

// dead returns the URL of a server that refuses connections.
func dead(t *testing.T) string { return "http://" + loopback.Refused(t) }

// TestOnLost sends requests that were lost to another origin.
func TestOnLost(t *testing.T) {
	t.Parallel()
	drops := func(t *testing.T) string { return peers(t, func(p *peer) { p.Head() }) }
	resets := func(t *testing.T) string { return peers(t, func(p *peer) { p.Head(); p.Reset() }) }
	garbage := func(t *testing.T) string { return always(t, "garbage\r\n\r\n") }
	for _, c := range []struct {
		name, method string
		first        func(t *testing.T) string
		body         string
		asked        int    // how often the program is asked for another
		want         string // what comes in the end
	}{
		{"GET, refused", "GET", dead, "", 1, "200 ok"},
		{"POST, refused", "POST", dead, "hello", 1, "200 ok"},
		{"GET, dropped", "GET", drops, "", 1, "200 ok"},
		{"GET, reset", "GET", resets, "", 1, "200 ok"},
		{"PUT, dropped", "PUT", drops, "hello", 1, "200 ok"},
		{"POST, dropped", "POST", drops, "hello", 0, "client: head: the server closed the connection without an answer: unexpected EOF (the request was written, at least in part)"},
		{"much, refused", "POST", dead, strings.Repeat("x", mostReplay), 1, "200 ok"},
		{"not HTTP", "GET", garbage, "", 0, "client: head: parser: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			first := c.first(t)
			read := make(chan string, 4)
			second := peers(t, func(p *peer) {
				for head := p.Head(); head != ""; head = p.Head() {
					b := make([]byte, len(c.body))
					for n := 0; n < len(b); {
						k, err := p.In.Read(b[n:])
						if n += k; err != nil {
							break
						}
					}
					read <- head + string(b)
					p.Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			})
			r := start(t, &Client{})
			asked := 0
			got := r.ask(c.method, first+"/path", func(q Request) {
				q.Set("Host", "x")
				q.OnLost(func(e *Error) string {
					asked++
					return second
				})
				q.EndBytes([]byte(c.body))
			})
			if asked != c.asked || !strings.HasPrefix(got.String(), c.want) {
				t.Errorf("%v, asked %d times; want %s, %d", got, asked, c.want, c.asked)
			}
			if c.asked > 0 {
				got := wait(t, read)
				if want := c.method + " /path HTTP/1.1\r\nHost: x\r\n"; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, c.body) {
					t.Errorf("the second was sent %.200q", got)
				}
			}
		})
	}
}

// TestOnLostGivesUp has the program end a request that was lost, in every way.
func TestOnLostGivesUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fn   func(q Request, url string) string
		want string
	}{
		"no other":  {func(Request, string) string { return "" }, "connection refused"},
		"not a URL": {func(Request, string) string { return "x" }, ErrURL.Error()},
		"abort":     {func(q Request, url string) string { q.Abort(); return url }, errAborted.Error()},
		"the same":  {func(q Request, url string) string { return url }, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, &Client{})
			url, left := dead(t), 10
			got := r.ask("GET", url, func(q Request) {
				q.OnLost(func(e *Error) string {
					if left--; left < 0 {
						return ""
					}
					return c.fn(q, url)
				})
				q.End("")
			})
			if got.err == nil || !strings.Contains(got.err.Error(), strings.TrimPrefix(c.want, "client: ")) {
				t.Errorf("%v, want %s", got, c.want)
			}
		})
	}
}

// TestErrorStatus is what a gateway says of an error.
func TestErrorStatus(t *testing.T) {
	t.Parallel()
	silent := peers(t, func(p *peer) { p.Head(); p.In.ReadByte() })
	for _, c := range []struct {
		url  string
		time time.Duration
		want int
	}{
		{dead(t), patience, 502},
		{silent, 10 * time.Millisecond, 504},
		{always(t, "garbage\r\n\r\n"), patience, 502},
	} {
		r := start(t, &Client{HeadTimeout: c.time})
		if e, ok := r.get(c.url).err.(*Error); !ok || e.Status() != c.want {
			t.Errorf("%v, want %d", e, c.want)
		}
	}
	if s := (&Error{Phase: Wait, Err: errWaitTime}).Status(); s != 503 {
		t.Error(s)
	}
}
