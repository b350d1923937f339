// Dial: what a client asks for, what it takes for an answer, and both sides
// together.

package ws

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/server"
)

// runLoop returns a loop that runs until the test ends.
func runLoop(t testing.TB) *conn.Loop {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	l.Ref()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() { cancel(); wait(t, done) })
	return l
}

// dialed is what Dial's function is called with.
type dialed struct {
	c   *Conn
	err error
}

func (d *Dialer) on(t testing.TB, l *conn.Loop, url string, h *Handler) dialed {
	t.Helper()
	got := make(chan dialed, 2)
	unhurried(h)
	l.Post(func() { d.Dial(l, url, h, func(c *Conn, err error) { got <- dialed{c, err} }) })
	return wait(t, got)
}

// A conversation of our two sides: all kinds of messages, both ways.
func TestDialEcho(t *testing.T) {
	t.Parallel()
	l := runLoop(t)
	for _, deflate := range []*Deflate{nil, {Least: 1}} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("deflate %v, secure %v", deflate != nil, secure), func(t *testing.T) {
				t.Parallel()
				sh := echo()
				sh.MaxMessage, sh.Deflate, sh.Protocols = 8<<20, deflate, []string{"b", "a"}
				url, d := dialTarget(t, sh, secure)
				messages := []string{"", "hello", k64[:125], k64[:126], k64[:65535], k64, strings.Repeat(mixed, 50), strings.Repeat(k64, 20)}
				got := make(chan string, len(messages))
				h, ends := closing(&Handler{MaxMessage: 8 << 20, Deflate: deflate, Protocols: []string{"a", "b"}})
				h.Message = func(c *Conn, op Op, p []byte) {
					got <- string(p)
					if len(got) == cap(got) {
						c.Close(4000, "done")
					}
				}
				pongs := make(chan string, 1)
				h.Pong = func(c *Conn, p []byte) { pongs <- string(p) }
				r := d.on(t, l, url, h)
				if r.err != nil {
					t.Fatal(r.err)
				}
				if p := r.c.Protocol(); p != "a" {
					t.Errorf("subprotocol %q", p)
				}
				if (r.c.window != 0) != (deflate != nil) {
					t.Errorf("a window of %d bits", r.c.window)
				}
				on(t, r.c, func() {
					r.c.Ping([]byte("ping"))
					for _, m := range messages {
						if err := r.c.WriteText(m); err != nil {
							t.Error(err)
						}
					}
				})
				if p := wait(t, pongs); p != "ping" {
					t.Errorf("pong %q", p)
				}
				e := wait(t, ends)
				if e.Code != 4000 || e.Err != nil {
					t.Errorf("it ended in %v", e)
				}
				for _, want := range messages {
					if m := wait(t, got); m != want {
						t.Errorf("%d bytes, want %d", len(m), len(want))
					}
				}
			})
		}
	}
}

// dialTarget is a server of h, and a Dialer that trusts it.
func dialTarget(t testing.TB, h *Handler, secure bool) (url string, d *Dialer) {
	unhurried(h)
	if !secure {
		return "ws://" + start(t, h).addr.String() + "/ws", &Dialer{}
	}
	certs := httptest.NewUnstartedServer(http.NotFoundHandler()) // it has a certificate for example.com
	certs.StartTLS()
	t.Cleanup(certs.Close)
	s := &server.Server{Loops: 1, SlowCallback: -1, TLS: &tls.Config{Certificates: certs.TLS.Certificates}}
	s.Handler = func(w server.Response, r server.Request) { Upgrade(w, r, h) }
	addr, err := s.ListenTLS("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() { s.Close(); wait(t, served) })
	roots := x509.NewCertPool()
	roots.AddCert(certs.Certificate())
	return "wss://" + addr.String() + "/ws", &Dialer{Client: client.Client{TLS: &tls.Config{RootCAs: roots}}}
}

// fake is a server that answers a handshake with these lines, and {accept} in
// them is what it should be, and goes on with what is after them.
func fake(t testing.TB, answer, behind string) (url string) {
	t.Helper()
	return "ws://" + loopback.Serve(t, func(p *loopback.Peer) {
		q, err := http.ReadRequest(p.In)
		if err != nil {
			return
		}
		sum := acceptFor(q)
		ok := strings.NewReplacer("{accept}", sum, "{ACCEPT}", strings.ToUpper(sum), "\n", "\r\n").Replace(answer)
		p.Say(ok + "\r\n" + behind)
		p.In.ReadByte()
		p.In.WriteTo(nopWriter{})
	}).String() + "/"
}

func acceptFor(q *http.Request) string {
	sum := accept([]byte(q.Header.Get("Sec-WebSocket-Key")))
	return string(sum[:])
}

type nopWriter struct{}

func (nopWriter) Write(p []byte) (int, error) { return len(p), nil }

const switched = "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: {accept}\n"

func TestDialAnswers(t *testing.T) {
	t.Parallel()
	l := runLoop(t)
	zip := "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"
	for _, c := range []struct {
		rule, answer string
		status       int // of the HandshakeError; 0: none, it is taken; -1: any error
	}{
		{"4.1 as it should be", switched, 0},
		{"4.1 in other letters", strings.NewReplacer("websocket", "WebSocket", "Connection: Upgrade", "connection: upgrade").Replace(switched), 0},
		{"4.1 Connection with more options", strings.Replace(switched, ": Upgrade", ": keep-alive, Upgrade", 1), 0},
		{"9110 15.2 interim answers come before", "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: </a>\n\n" + switched, 0},
		{"9110 5.5 white space around values", strings.ReplaceAll(switched, ": ", ": \t ") + "X: y\n", 0},
		{"9112 4 no reason", strings.Replace(switched, " Switching Protocols", " ", 1), 0},
		{"4.1 Upgrade with a letter that Unicode folds to s", strings.Replace(switched, "websocket", "web\u017focket", 1), 101},
		{"4.1 no Upgrade", strings.Replace(switched, "Upgrade: websocket\n", "", 1), -1},
		{"4.1 Upgrade twice", "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket" + strings.TrimPrefix(switched, "HTTP/1.1 101 Switching Protocols"), 101},
		{"4.1 no Connection", strings.Replace(switched, "Connection: Upgrade\n", "", 1), -1},
		{"4.1 Connection: close", strings.Replace(switched, ": Upgrade", ": close", 1), -1},
		{"4.1 accept in other letters", strings.Replace(switched, "{accept}", "{ACCEPT}", 1), 101},
		{"4.1 accept and more", strings.Replace(switched, "{accept}", "{accept}=", 1), 101},
		{"9110 15.2.2 101 by HTTP/1.0", strings.Replace(switched, "1.1", "1.0", 1), 101},
		{"4.1 status 100 and no more", "HTTP/1.1 100 Continue\n\nHTTP/1.1 500 Internal Server Error\nContent-Length: 0\n", 500},
		{"4.1 status 204", "HTTP/1.1 204 No Content\n", 204},
		{"4.1 status 426", "HTTP/1.1 426 Upgrade Required\nUpgrade: websocket\nConnection: upgrade\nContent-Length: 0\n", 426},
		{"4.1 status 503, chunked", "HTTP/1.1 503 Service Unavailable\nTransfer-Encoding: chunked\n", 503},
		{"4.1 status 200 with all else", strings.Replace(switched, "101 Switching Protocols", "200 OK", 1), 200},
		{"4.1 no HTTP at all", "SSH-2.0-OpenSSH_9.2\n", -1},
		{"4.1 status 200", "HTTP/1.1 200 OK\nContent-Length: 0\n", 200},
		{"4.1 status 401", "HTTP/1.1 401 Unauthorized\nContent-Length: 5\n", 401},
		{"4.1 status 302", "HTTP/1.1 302 Found\nLocation: /x\nContent-Length: 0\n", 302},
		{"4.1 no accept", strings.Replace(switched, "Sec-WebSocket-Accept: {accept}\n", "", 1), 101},
		{"4.1 a wrong accept", strings.Replace(switched, "{accept}", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 1), 101},
		{"4.1 accept twice", switched + "Sec-WebSocket-Accept: {accept}\n", 101},
		{"4.1 another protocol", strings.Replace(switched, "websocket", "websockets", 1), 101},
		{"4.1 and another protocol", strings.Replace(switched, "websocket", "websocket, foo", 1), 101},
		{"4.1 a subprotocol", switched + "Sec-WebSocket-Protocol: b\n", 0},
		{"4.1 one that was not asked for", switched + "Sec-WebSocket-Protocol: c\n", 101},
		{"4.1 two", switched + "Sec-WebSocket-Protocol: a, b\n", 101},
		{"4.1 two in lines", switched + "Sec-WebSocket-Protocol: a\nSec-WebSocket-Protocol: a\n", 101},
		{"4.1 an empty one", switched + "Sec-WebSocket-Protocol: \n", 101},
		{"4.1 an extension that was not offered", switched + "Sec-WebSocket-Extensions: foo\n", 101},
		{"4.1 no extension", switched + "Sec-WebSocket-Extensions: \n", 0},
		{"9.1 malformed", switched + "Sec-WebSocket-Extensions: permessage-deflate; ;\n", 101},
		{"7692 7.1 taken", switched + zip + "\n", 0},
		{"7692 7.1 all parameters", switched + zip + "; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9\n", 0},
		{"7692 7.1.2 windows of 8 bits", switched + zip + "; server_max_window_bits=8; client_max_window_bits=8\n", 0},
		{"7692 7.1.2 windows of 15 bits, quoted", switched + zip + "; server_max_window_bits=\"15\"; client_max_window_bits=\"15\"\n", 0},
		{"7692 7.1.2.1 a window of 7 bits", switched + zip + "; server_max_window_bits=7\n", 101},
		{"7692 7.1.2.2 a window of 08 bits", switched + zip + "; client_max_window_bits=08\n", 101},
		{"7692 7.1.1.1 a value where there is none", switched + zip + "=1\n", 101},
		{"7692 7.1 and another extension", switched + zip + "\nSec-WebSocket-Extensions: foo\n", 101},
		{"7692 7.1 in other letters", switched + strings.Replace(zip, "per", "Per", 1) + "\n", 101},
		{"7692 7.1 twice", switched + zip + ", permessage-deflate; server_no_context_takeover\n", 101},
		{"7692 7.1.1.1 without what was asked for", switched + "Sec-WebSocket-Extensions: permessage-deflate\n", 101},
		{"7692 7.1.2.2 a window without a value", switched + zip + "; client_max_window_bits\n", 101},
		{"7692 7.1.2.1 a window of 16 bits", switched + zip + "; server_max_window_bits=16\n", 101},
		{"7692 7.1 a parameter twice", switched + zip + "; server_no_context_takeover\n", 101},
		{"7692 7.1 an unknown parameter", switched + zip + "; x\n", 101},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			got := make(chan string, 1)
			h := &Handler{Protocols: []string{"a", "b"}, Deflate: &Deflate{}}
			h.Message = func(c *Conn, op Op, p []byte) { got <- string(p) }
			var d Dialer
			r := d.on(t, l, fake(t, c.answer, "\x81\x05hello"), h)
			if c.status == 0 {
				if r.err != nil {
					t.Fatal(r.err)
				}
				if m := wait(t, got); m != "hello" { // it came with the answer
					t.Errorf("message %q", m)
				}
				return
			}
			var e *HandshakeError
			if r.c != nil || r.err == nil || c.status > 0 && (!errors.As(r.err, &e) || e.Status != c.status) {
				t.Errorf("%v", r.err)
			}
		})
	}
}

// Without Deflate and Protocols nothing of the kind is asked for, or taken.
func TestDialAsksForLittle(t *testing.T) {
	t.Parallel()
	l := runLoop(t)
	for _, line := range []string{"Sec-WebSocket-Protocol: a\n", "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\n"} {
		var d Dialer
		var e *HandshakeError
		if r := d.on(t, l, fake(t, switched+line, ""), &Handler{}); !errors.As(r.err, &e) {
			t.Errorf("%s: %v", line, r.err)
		}
	}
}

func TestDialErrors(t *testing.T) {
	t.Parallel()
	l := runLoop(t)
	closed := loopback.Refused(t)
	for _, c := range []struct {
		url  string
		want error
	}{
		{"http://127.0.0.1/", ErrURL},
		{"127.0.0.1:80", ErrURL},
		{"w\u017f://127.0.0.1/", ErrURL},
		{"ws://127.0.0.1/#fragment", ErrURL},
		{"ws://bad host/", client.ErrURL},
		{"ws://" + closed + "/", syscall.ECONNREFUSED},
	} {
		var d Dialer
		if r := d.on(t, l, c.url, &Handler{}); !errors.Is(r.err, c.want) {
			t.Errorf("%s: %v, want %v", c.url, r.err, c.want)
		}
	}
}

// A refusal is the program's to read: fields, and as much of the body as it wants. What nobody
// asks for ends the connection.
func TestDialRefused(t *testing.T) {
	t.Parallel()
	l := runLoop(t)
	for _, c := range []struct {
		status int
		field  string // which the program looks at
		reads  bool   // the body
	}{
		{401, "WWW-Authenticate", true}, {302, "Location", true}, {503, "Retry-After", true}, {403, "X-Why", false}, {204, "X-Why", false}, {204, "X-Why", true}, {200, "X-Why", true},
	} {
		left := make(chan bool, 1)
		url := "ws://" + loopback.Serve(t, func(p *loopback.Peer) {
			p.Head()
			length := "Content-Length: 4\r\n"
			if c.status == 204 {
				length = ""
			}
			p.Say(fmt.Sprintf("HTTP/1.1 %d X\r\n%s: value\r\n%s\r\n", c.status, c.field, length))
			if c.reads && length != "" {
				p.Say("why?")
			} else if length != "" {
				p.Head() // returns when the client leaves
				left <- true
			}
		}).String()
		got := make(chan string, 2)
		l.Post(func() {
			Dial(l, url, &Handler{}, func(_ *Conn, err error) {
				var e *HandshakeError
				if !errors.As(err, &e) || e.Status != c.status || e.Answer.Status() != c.status || string(e.Answer.Get(c.field)) != "value" {
					got <- fmt.Sprint(err)
					return
				}
				if !c.reads {
					got <- ""
					return
				}
				e.Answer.Body(100, func(body []byte, err error) { got <- fmt.Sprintf("%s%v", body, err) })
			})
		})
		want := "why?<nil>"
		switch {
		case !c.reads:
			want = ""
		case c.status == 204:
			want = "<nil>"
		}
		if g := wait(t, got); g != want {
			t.Errorf("%d: %q, want %q", c.status, g, want)
		}
		if !c.reads && c.status != 204 {
			wait(t, left)
		}
	}
}

// What a server may not send fails the client's connection, with a frame that is
// masked.
func TestDialRules(t *testing.T) {
	t.Parallel()
	l := runLoop(t)
	for _, c := range []struct {
		rule, frames string
		err          error
	}{
		{"5.1 a mask", "\x81\x85\x00\x00\x00\x00hello", ErrMasked},
		{"5.2 RSV1, that was not agreed on", "\xc1\x00", ErrReserved},
		{"8.1 not UTF-8", "\x81\x01\xff", ErrUTF8},
		{"7.4.1 too big", "\x82\x7f\x00\x00\x00\x00\x01\x00\x00\x00", ErrTooBig},
	} {
		h, ends := closing(&Handler{})
		var d Dialer
		if r := d.on(t, l, fake(t, switched, c.frames), h); r.err != nil {
			t.Fatal(r.err)
		}
		if e := wait(t, ends); !errors.Is(e, c.err) {
			t.Errorf("%s: %v", c.rule, e)
		}
	}
}

func TestDialFields(t *testing.T) {
	t.Parallel()
	l := runLoop(t)
	seen := make(chan string, 1)
	s := startWith(t, &server.Server{Loops: 1}, func(w server.Response, r server.Request) {
		seen <- string(r.Get("Origin")) + " " + string(r.Get("Cookie")) + " " + string(r.Query())
		Upgrade(w, r, &Handler{CheckOrigin: func(r server.Request) bool { return true }})
	})
	d := Dialer{Fields: func(q client.Request) {
		q.Set("Origin", "http://example.com")
		q.Set("Cookie", "a=b")
	}}
	if r := d.on(t, l, "ws://"+s.addr.String()+"/x?y=z", &Handler{}); r.err != nil {
		t.Fatal(r.err)
	}
	if got := wait(t, seen); got != "http://example.com a=b y=z" {
		t.Error(got)
	}
}
