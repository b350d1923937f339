// Answers as servers send them, and how each is read.

package client

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/parser"
)

// TestReading has a server send each answer and close. reuse says that the
// connection is used for the next request if it does not.
func TestReading(t *testing.T) {
	t.Parallel()
	const cutOff, noAnswer = "client: body: the answer was cut off: unexpected EOF", "client: head: the server closed the connection without an answer: unexpected EOF (the request was written, at least in part)"
	const cutHead = "client: head: the answer was cut off: unexpected EOF (the request was written, at least in part)"
	refused := func(e parser.Error) string {
		return "client: head: " + e.Error() + " (the request was written, at least in part)"
	}
	for _, c := range []struct {
		name, method, answer, want string
		reuse                      bool
	}{
		{"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello", true},
		{"length 0", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200", true},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "200 hello", true},
		{"trailers nobody wants", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\nA: b\r\n\r\n", "200 he", true},
		{"until close", "GET", "HTTP/1.1 200 OK\r\n\r\nhello", "200 hello", false},
		{"until close, nothing", "GET", "HTTP/1.1 200 OK\r\n\r\n", "200", false},
		{"HTTP/1.0 until close", "GET", "HTTP/1.0 200 OK\r\n\r\nhello", "200 hello", false},
		{"HTTP/1.0 length", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello", false},
		{"HTTP/1.0 keep-alive", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", "200 hello", true},
		{"close", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "200 hello", false},
		{"close among others", "GET", "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 5\r\n\r\nhello", "200 hello", false},
		{"keep-alive for too short", "GET", "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 5\r\n\r\nhello", "200 hello", false},
		{"keep-alive for long", "GET", "HTTP/1.1 200 OK\r\nKeep-Alive: max=5, timeout=100\r\nContent-Length: 5\r\n\r\nhello", "200 hello", true},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "204", true},
		{"204 with a length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "204", true},
		{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304", true},
		{"304 chunked", "GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "304", true},
		{"HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200", true},
		{"HEAD chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200", true},
		{"HEAD without a length", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", "200", true},
		{"HEAD with a body", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200", false},
		{"204 with a body", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", "204", false},
		{"interim", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 ok", true},
		{"a status beyond", "GET", "HTTP/1.1 799 What\r\nContent-Length: 2\r\n\r\nok", "799 ok", true},
		{"no reason", "GET", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "200 ok", true},

		{"nothing", "GET", "", noAnswer, false},
		{"a part of the head", "GET", "HTTP/1.1 200 OK\r\nContent-Le", cutHead, false},
		{"an interim answer alone", "GET", "HTTP/1.1 100 Continue\r\n\r\n", cutHead, false},
		{"length, cut off", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", cutOff, false},
		{"chunked, cut off in data", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello", cutOff, false},
		{"chunked, cut off between chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", cutOff, false},
		{"chunked, cut off before the last line", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", cutOff, false},
		{"chunked, bad size", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n", "client: body: " + parser.ErrChunkSize.Error(), false},
		{"chunked, bad end", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n", "client: body: " + parser.ErrChunkEnd.Error(), false},
		{"both framings", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused(parser.ErrBothFraming), false},
		{"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", refused(parser.ErrLengthTwice), false},
		{"two equal lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "200 hello", true},
		{"a list of equal lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", "200 hello", true},
		{"a folded line", "GET", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 5\r\n\r\nhello", "200 hello", true},
		{"whitespace before the first field", "GET", "HTTP/1.1 200 OK\r\n A: b\r\nContent-Length: 5\r\n\r\nhello", refused(parser.ErrFold), false},
		{"a folded trailer", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nhe\r\n0\r\nA: b\r\n c\r\n\r\n", "200 he", true},
		{"a length that is none", "GET", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello", refused(parser.ErrLength), false},
		{"another coding", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", refused(parser.ErrCodingOther), false},
		{"not HTTP", "GET", "SSH-2.0-OpenSSH\r\n\r\n", refused(parser.ErrVersion), false},
		{"HTTP/2", "GET", "HTTP/2.0 200 OK\r\n\r\n", refused(parser.ErrMajor), false},
		{"a switch nobody asked for", "GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "client: head: the server switched protocols, and was not asked to (the request was written, at least in part)", false},
		{"too many interim answers", "GET", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 17) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
			"client: head: more interim answers than MaxInterim allows (the request was written, at least in part)", false},
		{"a head that is too large", "GET", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 70_000) + "\r\n\r\n", refused(parser.ErrHeadLarge), false},
		{"too many fields", "GET", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: a\r\n", 300) + "\r\n", refused(parser.ErrFields), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, way := range []string{"whole", "byte by byte", "and more"} {
				url := peers(t, func(p *peer) {
					for p.Head() != "" {
						switch way {
						case "byte by byte":
							if len(c.answer) > 1000 {
								p.Say(c.answer)
								break
							}
							p.Conn.(*net.TCPConn).SetNoDelay(true)
							for i := range len(c.answer) {
								p.Say(c.answer[i : i+1])
							}
						default:
							p.Say(c.answer)
						}
						if !c.reuse {
							return
						}
					}
				})
				r := start(t, &Client{})
				rounds := 1
				if c.reuse {
					rounds = 3
				}
				for range rounds {
					r.ask(c.method, url, nil).want(t, c.want)
				}
				if st := r.Stats(); c.reuse && st.Dials != 1 {
					t.Errorf("%s: %d connections for %d requests", way, st.Dials, rounds)
				}
			}
		})
	}
}

// TestNotReused has a server that would go on with the connection.
func TestNotReused(t *testing.T) {
	t.Parallel()
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, c := range []struct {
		name, answer string
		ask          func(q Request)
	}{
		{"our close", ok, func(q Request) { q.Set("Connection", "close"); q.End("") }},
		{"our close among others", ok, func(q Request) { q.Add("Connection", "te"); q.Add("Connection", "x, close"); q.End("") }},
		{"their close", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", nil},
		{"something behind", ok + "x", nil},
		{"an answer behind", ok + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := always(t, c.answer)
			r := start(t, &Client{})
			for range 5 {
				r.ask("GET", url, c.ask).want(t, "200 ok")
			}
			if st := r.Stats(); st.Dials != 5 || st.Reused != 0 {
				t.Errorf("%d connections for 5 requests", st.Dials)
			}
		})
	}
}

// TestPoison has a server that says more than it was asked for: it must never reach
// another request.
func TestPoison(t *testing.T) {
	t.Parallel()
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	rounds := 2500
	if testing.Short() {
		rounds = 250
	}
	for _, c := range []struct {
		name string
		say  func(p *peer, ok string)
	}{
		{"behind the answer", func(p *peer, ok string) { p.Say(ok + evil) }},
		{"right after the answer", func(p *peer, ok string) { p.Say(ok); p.Say(evil) }},
		{"behind the answer, and FIN", func(p *peer, ok string) { p.Say(ok + evil); p.Conn.(*net.TCPConn).CloseWrite() }},
		{"behind an answer without a body", func(p *peer, ok string) { p.Say("HTTP/1.1 204 None\r\n\r\n" + evil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := make(chan bool, rounds)
			url := peers(t, func(p *peer) {
				for {
					head := p.Head()
					if head == "" {
						return
					}
					path := strings.Fields(head)[1]
					c.say(p, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(path), path))
					said <- true
				}
			})
			r := start(t, &Client{})
			for i := range rounds {
				path := fmt.Sprint("/", i)
				g := r.get(url + path)
				wait(t, said) // what comes when the next request has left is an answer like another
				if g.body == "evil" {
					t.Fatalf("request %d got %q", i, g)
				}
				if g.err != nil || g.status != 204 && g.body != path {
					t.Fatalf("request %d: %v", i, g)
				}
			}
		})
	}
}

// TestUnsolicited is an answer on an idle connection.
func TestUnsolicited(t *testing.T) {
	t.Parallel()
	say, said := make(chan bool), make(chan bool)
	url := peers(t, func(p *peer) {
		for p.Head() != "" {
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			if <-say {
				p.Say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			}
			said <- true
		}
	})
	r := start(t, &Client{})
	for i := range 20 {
		r.get(url).want(t, "200 ok")
		say <- true
		<-said
		if i%2 == 0 {
			until(t, "the connection is closed", func() bool { return r.Stats().Unsolicited > uint64(i/2) })
		}
	}
}

// TestTrailers is both ways.
func TestTrailers(t *testing.T) {
	t.Parallel()
	url := peers(t, func(p *peer) {
		for p.Head() != "" {
			var b strings.Builder
			for !strings.HasSuffix(b.String(), "0\r\nX-Sum: 5\r\n\r\n") {
				c, err := p.In.ReadByte()
				if err != nil {
					return
				}
				b.WriteByte(c)
			}
			p.Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: b\r\nX-C:  d \r\n\r\n")
		}
	})
	r := start(t, &Client{})
	for range 2 {
		ch := make(chan string, 4)
		r.do(func() {
			q := r.pool.Request("POST", url)
			q.Do(func(a Response, err error) {
				s := ""
				a.Trailer(func(name, value []byte) { s += fmt.Sprintf("%s=%s ", name, value) })
				a.Body(100, func(body []byte, err error) { ch <- fmt.Sprint(s, string(body), err) })
			})
			q.WriteString("hello")
			if err := q.Trailer("Content-Length", "5"); err != ErrField {
				t.Error(err)
			}
			if err := q.Trailer("X-Sum", "5"); err != nil {
				t.Error(err)
			}
			q.End("")
		})
		if s := wait(t, ch); s != "X-A=b X-C=d x<nil>" {
			t.Error(s)
		}
	}
	if st := r.Stats(); st.Dials != 1 {
		t.Errorf("%d dials", st.Dials)
	}
}

// TestInform is what the program hears of interim answers.
func TestInform(t *testing.T) {
	t.Parallel()
	url := always(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	r := start(t, &Client{})
	for range 2 {
		var heard strings.Builder
		r.ask("GET", url, func(q Request) {
			q.OnInform(func(a Response) { fmt.Fprintf(&heard, "%d %s;", a.Status(), a.Get("Link")) })
			q.End("")
		}).want(t, "200 ok")
		if heard.String() != "103 </a>;102 ;" {
			t.Error(heard.String())
		}
	}
}

// TestResetInBody has an answer that ends with the connection reset: it is not whole.
func TestResetInBody(t *testing.T) {
	t.Parallel()
	url := peers(t, func(p *peer) {
		p.Head()
		p.Say("HTTP/1.1 200 OK\r\n\r\nhello")
		p.In.ReadByte() // until the test has it
		p.Reset()
	})
	r := start(t, &Client{})
	ch := make(chan error, 1)
	r.do(func() {
		r.pool.Get(url, func(a Response, err error) {
			a.Stream(func(p []byte, err error) {
				if err != nil {
					ch <- err
				} else {
					a.x.s.conn.WriteString("x")
				}
			})
		})
	})
	err := wait(t, ch)
	if e, ok := err.(*Error); !ok || e.Phase != Body || errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestLateReader asks for the body of an answer later. That there is none is no error then, either.
func TestLateReader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, answer, body string }{
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		{"GET", "HTTP/1.1 204 None\r\n\r\n", ""},
		{"GET", "HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n", ""},
		{"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ""},
	} {
		r := start(t, &Client{})
		ch := make(chan got, 2)
		url := always(t, c.answer)
		r.do(func() {
			q := r.pool.Request(c.method, url)
			q.Do(func(a Response, err error) {
				if err != nil {
					ch <- got{err: err}
					return
				}
				r.loop.After(0, func() {
					if err := a.Body(100, func(b []byte, err error) { ch <- got{body: string(b), err: err} }); err != nil {
						ch <- got{err: err}
					}
				})
			})
			q.End("")
		})
		if g := wait(t, ch); g.err != nil || g.body != c.body {
			t.Errorf("%s, %q: %q, %v", c.method, c.answer, g.body, g.err)
		}
	}
}
