package main

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/client"
)

const okAnswer = "HTTP/1.1 200 OK|Content-Length: 2||ok"

// TestPoison has upstreams say more than they were asked for, and checks that the next
// client is told nothing of it.
func TestPoison(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"behind":        okAnswer + "HTTP/1.1 200 OK|Content-Length: 4||evil",
		"behind 204":    "HTTP/1.1 204 None|Content-Length: 4||HTTP/1.1 200 OK|Content-Length: 4||evil",
		"behind 304":    "HTTP/1.1 304 None|Content-Length: 4||HTTP/1.1 200 OK|Content-Length: 4||evil",
		"behind chunks": "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0||HTTP/1.1 200 OK|Content-Length: 4||evil",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := upstreamOf(t, func(p *peer) {
				for p.head() != "" {
					p.say(answer)
				}
			})
			addr := start(t, new(gateway), new(client.Client), up)
			for range 50 {
				k := dial(t, addr)
				k.say("GET / HTTP/1.1|Host: x|Connection: close||")
				if got := k.all(); strings.Contains(got, "evil") || !strings.HasPrefix(got, "HTTP/1.1 ") || strings.HasPrefix(got, "HTTP/1.1 5") {
					t.Fatalf("%q", got)
				}
				k.Close()
			}
		})
	}
}

// TestKeepsClient has answers after which the upstream's connection ends: the client's
// goes on.
func TestKeepsClient(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"close":          "HTTP/1.1 200 OK|Connection: close|Content-Length: 2||ok",
		"until close":    "HTTP/1.1 200 OK||ok",
		"HTTP/1.0":       "HTTP/1.0 200 OK|Content-Length: 2||ok",
		"closes unasked": okAnswer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := upstreamOf(t, func(p *peer) {
				if p.head() != "" {
					p.say(answer)
				}
			})
			k := dial(t, start(t, new(gateway), new(client.Client), up))
			for range 20 {
				k.say("GET / HTTP/1.1|Host: x||")
				head := k.head()
				if !strings.HasPrefix(head, "HTTP/1.1 200 OK|") || strings.Contains(head, "Connection:") {
					t.Fatalf("%q", head)
				}
				if n := 2; strings.Contains(head, "chunked") {
					k.read(12)
				} else {
					k.read(n)
				}
			}
		})
	}
}

// TestBadUploads are bodies that end too early, or are none: the upstream must not take
// them for whole.
func TestBadUploads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, request, status string
		fin                   bool
	}{
		{"a length, cut off", "POST / HTTP/1.1|Host: x|Content-Length: 50||^hello", "", true},
		{"chunks, cut off", "POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked||^5|hello|", "", true},
		{"chunks, cut off before the last line", "POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked||^5|hello|0|", "", true},
		{"a bad size", "POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked||^5|hello|zz|", "400", false},
		{"a bad end", "POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked||^5|helloXX|0||", "400", false},
		{"a bad trailer", "POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked||^5|hello|0|A B: c||", "400", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			read := make(chan string, 2)
			up := upstreamOf(t, func(p *peer) {
				read <- p.head()
				read <- p.all()
			})
			k := dial(t, start(t, new(gateway), new(client.Client), up))
			head, body, _ := strings.Cut(c.request, "^")
			k.say(head)
			<-read
			k.say(body)
			if c.fin {
				k.fin()
			}
			if got := k.head(); c.status != "" && !strings.HasPrefix(got, "HTTP/1.1 "+c.status) {
				t.Errorf("answered %q", got)
			}
			select {
			case got := <-read:
				if strings.HasSuffix(got, "0||") || !strings.HasSuffix(got, "(cut off)") {
					t.Errorf("the upstream has read %q", got)
				}
			case <-time.After(patience):
				t.Error("the upstream still waits")
			}
		})
	}
}

// TestBadAnswers are no answers: 502, and the client's connection goes on.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"garbage":                 "garbage||",
		"HTTP/0.9":                "<html>hello</html>",
		"HTTP/2":                  "HTTP/2 200||",
		"bad status":              "HTTP/1.1 2x0 OK||",
		"status of four digits":   "HTTP/1.1 2000 OK||",
		"both framings":           "HTTP/1.1 200 OK|Content-Length: 2|Transfer-Encoding: chunked||2|ok|0||",
		"two lengths":             "HTTP/1.1 200 OK|Content-Length: 2|Content-Length: 3||ok",
		"a negative length":       "HTTP/1.1 200 OK|Content-Length: -2||ok",
		"a length with a sign":    "HTTP/1.1 200 OK|Content-Length: +2||ok",
		"a coding nobody knows":   "HTTP/1.1 200 OK|Transfer-Encoding: gzip||ok",
		"chunked twice":           "HTTP/1.1 200 OK|Transfer-Encoding: chunked, chunked||2|ok|0||",
		"a name with a space":     "HTTP/1.1 200 OK|A B: c|Content-Length: 2||ok",
		"a value with NUL":        "HTTP/1.1 200 OK|A: b\x00c|Content-Length: 2||ok",
		"a bare CR":               "HTTP/1.1 200 OK|A: b\rc|Content-Length: 2||ok",
		"a part of a head":        "HTTP/1.1 200 OK|Content-Le",
		"nothing":                 "",
		"an interim answer alone": "HTTP/1.1 103 Early Hints||",
		"a large head":            "HTTP/1.1 200 OK|A: " + strings.Repeat("a", 100_000) + "||",
		"many interim answers":    strings.Repeat("HTTP/1.1 102 Processing||", 100) + okAnswer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := upstreamOf(t, func(p *peer) {
				if p.head() != "" {
					p.say(answer)
				}
			})
			k := dial(t, start(t, new(gateway), new(client.Client), up))
			for range 2 {
				k.say("GET / HTTP/1.1|Host: x||")
				head := k.head()
				for strings.HasPrefix(head, "HTTP/1.1 10") {
					head = k.head()
				}
				if !strings.HasPrefix(head, "HTTP/1.1 502 ") {
					t.Fatalf("%q", head)
				}
				k.read(len("the upstream did not answer\n"))
			}
		})
	}
}

// TestBadBodies are answers of which the head is well-formed, and what follows is not: 502 as
// long as nothing of them has left, and then a cut that the client sees.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK|Transfer-Encoding: chunked|X-Upstream: yes||"
	for name, body := range map[string]string{
		"size":               "5x|hello|0||",
		"size and more":      "2|ok|x|hello|0||",
		"no end of a chunk":  "5|helloX|0||",
		"a huge size":        "fffffffffffffffff|hello|0||",
		"an empty size":      "|hello|0||",
		"a bare LF":          "5\nhello|0||",
		"trailer section":    "5|hello|0|X Y||",
		"an empty trailer":   "0|: y||",
		"a long size's line": "5;" + strings.Repeat("a", 60_000) + "|hello|0||",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := make(chan bool)
			up := upstreamOf(t, func(p *peer) {
				switch line, _, _ := strings.Cut(p.head(), "|"); {
				case strings.HasPrefix(line, "GET /late"):
					p.say(head + "3|abc|")
					<-began
					p.say(body)
				case line != "":
					p.say(head + body)
				}
			})
			addr := start(t, new(gateway), new(client.Client), up)
			k := dial(t, addr)
			for _, request := range []string{"GET / HTTP/1.1|Host: x||", "POST / HTTP/1.1|Host: x|Content-Length: 2||ab", "GET / HTTP/1.0|Host: x|Connection: keep-alive||"} {
				k.say(request)
				if got := k.head(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || strings.Contains(got, "X-Upstream") || strings.Contains(got, "chunked") {
					t.Fatalf("%q", got)
				}
				if got := k.read(len("the upstream's answer is malformed\n")); got != "the upstream's answer is malformed\n" {
					t.Fatalf("%q", got)
				}
			}
			k = dial(t, addr)
			k.say("GET /late HTTP/1.1|Host: x||")
			if got := k.head() + k.read(len("3\r\nabc\r\n")); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.HasSuffix(got, "||3|abc|") {
				t.Fatalf("%q", got)
			}
			close(began)
			if got := k.all(); strings.HasSuffix(got, "0||") {
				t.Errorf("%q passes for whole", got)
			}
		})
	}
}

// TestTunnelEnds ends tunnels in every way.
func TestTunnelEnds(t *testing.T) {
	t.Parallel()
	const upgrade = "GET / HTTP/1.1|Host: x|Connection: Upgrade|Upgrade: x||"
	const switched = "HTTP/1.1 101 Switching Protocols|Connection: Upgrade|Upgrade: x||"
	t.Run("the upstream's FIN", func(t *testing.T) {
		t.Parallel()
		read := make(chan string, 1)
		up := upstreamOf(t, func(p *peer) {
			p.head()
			p.say(switched + "bye")
			p.fin()
			read <- p.all()
		})
		k := dial(t, start(t, new(gateway), new(client.Client), up))
		k.say(upgrade)
		k.head()
		if got := k.all(); got != "bye" {
			t.Errorf("%q", got)
		}
		k.say("still here")
		k.fin()
		if got := <-read; got != "still here" {
			t.Errorf("the upstream read %q", got)
		}
	})
	t.Run("the client's reset", func(t *testing.T) {
		t.Parallel()
		gone := make(chan string, 1)
		up := upstreamOf(t, func(p *peer) {
			p.head()
			p.say(switched)
			gone <- p.all()
		})
		k := dial(t, start(t, new(gateway), new(client.Client), up))
		k.say(upgrade)
		k.head()
		k.Conn.(*net.TCPConn).SetLinger(0)
		k.Close()
		select {
		case <-gone:
		case <-time.After(patience):
			t.Error("the upstream's half is left")
		}
	})
	t.Run("much both ways", func(t *testing.T) {
		t.Parallel()
		const size = 8 << 20
		up := upstreamOf(t, func(p *peer) {
			p.head()
			p.say(switched)
			io.Copy(p.Conn, p.in)
		})
		k := dial(t, start(t, new(gateway), new(client.Client), up))
		k.say(upgrade)
		k.head()
		go func() {
			io.CopyN(k.Conn, &counting{}, size)
			k.fin()
		}()
		if n, err := io.Copy(io.Discard, k.in); n != size || err != nil {
			t.Error(n, err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		up := upstreamOf(t, func(p *peer) {
			for p.head() != "" {
				p.say("HTTP/1.1 426 Upgrade Required|Content-Length: 2||no")
			}
		})
		k := dial(t, start(t, new(gateway), new(client.Client), up))
		for range 2 {
			k.say(upgrade)
			if got := k.head() + k.read(2); !strings.HasPrefix(got, "HTTP/1.1 426 ") || !strings.HasSuffix(got, "no") {
				t.Fatalf("%q", got)
			}
		}
	})
}

// TestPipelined has a client ask for much at once.
func TestPipelined(t *testing.T) {
	t.Parallel()
	up := upstreamOf(t, func(p *peer) {
		for {
			head := p.head()
			if head == "" {
				return
			}
			path := strings.Fields(head)[1]
			if strings.HasPrefix(head, "POST") {
				p.read(4)
			}
			p.say("HTTP/1.1 200 OK|Content-Length: 2||" + path[1:])
		}
	})
	k := dial(t, start(t, new(gateway), new(client.Client), up))
	k.say(strings.Repeat("GET /01 HTTP/1.1|Host: x||POST /02 HTTP/1.1|Host: x|Content-Length: 4||bodyGET http://x/03 HTTP/1.1|Host: x||", 10))
	for range 10 {
		for _, want := range []string{"01", "02", "03"} {
			k.head()
			if got := k.read(2); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
	}
}

// TestHalfClosedClient still waits for the answer.
func TestHalfClosedClient(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan bool), make(chan bool)
	up := upstreamOf(t, func(p *peer) {
		for p.head() != "" {
			asked <- true
			<-answer
			p.say(okAnswer)
		}
	})
	addr := start(t, &gateway{leftTimeout: time.Minute}, new(client.Client), up)
	for _, request := range []string{"GET / HTTP/1.1|Host: x||", "POST / HTTP/1.1|Host: x|Content-Length: 0||", "POST / HTTP/1.1|Host: x|Content-Length: 5||hello"} {
		k := dial(t, addr)
		k.say(request)
		k.fin()
		<-asked
		answer <- true
		if got := k.all(); !strings.HasSuffix(got, "||ok") {
			t.Errorf("%q", got)
		}
	}
}
