// What upstreams and clients do: one is dead or silent, leaves, answers early, switches protocols.

package main

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

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
	dead := loopback.Refused(t)
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
	addr := start(t, new(gateway), &client.Client{ContinueTimeout: -1}, up)
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

// TestAtOnce has heads arrive before the bodies after them, both ways.
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
		{"after a part of the answer", "GET /part HTTP/1.1|Host: x||", func(k *peer) { k.head(); k.read(2); k.Close() }},
		{"after a part of the answer, by a FIN", "GET /part HTTP/1.1|Host: x||", func(k *peer) { k.head(); k.read(2); k.fin() }},
		{"after the answer's head", "GET /head HTTP/1.1|Host: x||", func(k *peer) { k.head(); k.Close() }},
		{"before a part of the answer", "GET /part HTTP/1.1|Host: x||", func(k *peer) { k.fin(); k.head(); k.read(2) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			came, left := make(chan bool, 2), make(chan bool, 2)
			up := upstreamOf(t, func(p *peer) {
				switch head := p.head(); {
				case strings.HasPrefix(head, "GET /part"):
					p.say("HTTP/1.1 200 OK|Content-Length: 5||ab")
				case strings.HasPrefix(head, "GET /head"):
					p.say("HTTP/1.1 200 OK|Transfer-Encoding: chunked||")
				}
				came <- true
				p.all()
				left <- true
			})
			k := dial(t, start(t, &gateway{leftTimeout: 200 * time.Millisecond}, new(client.Client), up))
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
