// The opening handshake: what is refused and how, and what is agreed on.

package ws

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/server"
)

// without returns the handshake with a line replaced, or removed if to is empty.
func without(name, to string) string {
	lines := strings.SplitAfter(request(), "\r\n")
	for i, line := range lines {
		if strings.HasPrefix(line, name) {
			if lines[i] = ""; to != "" {
				lines[i] = to + "\r\n"
			}
		}
	}
	return strings.Join(lines, "")
}

func TestHandshakes(t *testing.T) {
	t.Parallel()
	h := echo()
	h.Protocols = []string{"chat", "echo"}
	h.Deflate = &Deflate{}
	s := start(t, h)
	const key = "Sec-WebSocket-Key: "
	const deflated = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, c := range []struct {
		rule    string
		request string
		status  int
		want    string // lines of the answer
	}{
		{"4.2.2 plain", request(), 101, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		{"4.2.1(1) POST", strings.Replace(request("Content-Length: 0"), "GET", "POST", 1), 405, "Allow: GET"},
		{"4.2.1(1) HTTP/1.0", strings.Replace(request(), "HTTP/1.1", "HTTP/1.0", 1), 400, ""},
		{"4.2.1(3) no Upgrade", without("Upgrade", ""), 426, "Connection: upgrade"},
		{"4.2.1(3) another protocol", without("Upgrade", "Upgrade: h2c"), 426, "Upgrade: websocket"},
		{"4.2.1(3) any case, in a list", without("Upgrade", "Upgrade: foo/2, WebSocket"), 101, ""},
		{"4.2.1(3) a name that begins so", without("Upgrade", "Upgrade: websockets"), 426, ""},
		{"4.2.1(4) no Connection", without("Connection", ""), 426, ""},
		{"4.2.1(4) without the option", without("Connection", "Connection: keep-alive"), 426, ""},
		{"4.2.1(4) any case, in a list", without("Connection", "Connection: keep-alive, ,UPGRADE"), 101, ""},
		{"4.2.1(4) two lines", without("Connection", "Connection: keep-alive\r\nConnection: upgrade"), 101, ""},
		{"4.2.1(5) no key", without("Sec-WebSocket-Key", ""), 400, ""},
		{"4.2.1(5) empty key", without("Sec-WebSocket-Key", key), 400, ""},
		{"4.2.1(5) two keys", request(key + "dGhlIHNhbXBsZSBub25jZQ=="), 400, ""},
		{"4.2.1(5) 15 bytes", without("Sec-WebSocket-Key", key+"dGhlIHNhbXBsZSBub25j"), 400, ""},
		{"4.2.1(5) 17 bytes", without("Sec-WebSocket-Key", key+"dGhlIHNhbXBsZSBub25jZWU="), 400, ""},
		{"4.2.1(5) no padding", without("Sec-WebSocket-Key", key+"dGhlIHNhbXBsZSBub25jZQ"), 400, ""},
		{"4.2.1(5) not base64", without("Sec-WebSocket-Key", key+"dGhlIHNhb?BsZSBub25jZQ=="), 400, ""},
		{"4.2.1(5) white space around", without("Sec-WebSocket-Key", key+" \tdGhlIHNhbXBsZSBub25jZQ== \t"), 101, ""},
		{"4.2.1(6) no version", without("Sec-WebSocket-Version", ""), 426, "Sec-WebSocket-Version: 13"},
		{"4.4 version 8", without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), 426, "Sec-WebSocket-Version: 13"},
		{"4.4 two versions", without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8"), 426, "Sec-WebSocket-Version: 13"},
		{"4.4 version 013", without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 013"), 426, "Sec-WebSocket-Version: 13"},
		{"a body", request("Content-Length: 5") + "hello", 400, ""},
		{"any case of names", strings.ReplaceAll(request(), "Sec-WebSocket-", "sec-WEBsocket-"), 101, ""},

		{"1.9 the client's first", request("Sec-WebSocket-Protocol: x, echo, chat"), 101, "Sec-WebSocket-Protocol: echo"},
		{"11.3.4 in two lines", request("Sec-WebSocket-Protocol: x", "Sec-WebSocket-Protocol: chat"), 101, "Sec-WebSocket-Protocol: chat"},
		{"4.2.2 none that is known", request("Sec-WebSocket-Protocol: Echo, CHAT"), 101, "Sec-WebSocket-Protocol: "},
		{"4.1 not a token", request("Sec-WebSocket-Protocol: echo, a b"), 400, ""},

		{"10.2 no Origin", request(), 101, ""},
		{"10.2 the same", request("Origin: http://example.com"), 101, ""},
		{"10.2 the same, with the port", request("Origin: https://Example.com:443"), 101, ""},
		{"10.2 another by a letter that Unicode folds to k", strings.Replace(request("Origin: http://\u212anight.example"), "Host: example.com", "Host: knight.example", 1), 403, ""},
		{"10.2 another", request("Origin: http://evil.example"), 403, ""},
		{"10.2 another port", request("Origin: http://example.com:81"), 403, ""},
		{"10.2 null", request("Origin: null"), 403, ""},
		{"10.2 two", request("Origin: http://example.com", "Origin: http://evil.example"), 403, ""},

		{"7692 an offer", request("Sec-WebSocket-Extensions: permessage-deflate"), 101, "Sec-WebSocket-Extensions: " + deflated},
		{"7692 the second", request("Sec-WebSocket-Extensions: foo; x=1", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16, permessage-deflate; client_max_window_bits"), 101, "Sec-WebSocket-Extensions: " + deflated},
		{"7692 a window", request(`Sec-WebSocket-Extensions: permessage-deflate;server_max_window_bits="10"`), 101, "Sec-WebSocket-Extensions: " + deflated + "; server_max_window_bits=10"},
		{"9.1 nothing", request("Sec-WebSocket-Extensions: "), 101, "Sec-WebSocket-Extensions: "},
		{"9.1 empty elements", request("Sec-WebSocket-Extensions: , permessage-deflate ,,"), 101, "Sec-WebSocket-Extensions: " + deflated},
		{"9.1 no name", request("Sec-WebSocket-Extensions: ; x"), 400, ""},
		{"9.1 no parameter", request("Sec-WebSocket-Extensions: permessage-deflate; ; x"), 400, ""},
		{"9.1 no value", request("Sec-WebSocket-Extensions: permessage-deflate; x="), 400, ""},
		{"9.1 two tokens", request("Sec-WebSocket-Extensions: permessage-deflate x"), 400, ""},
		{"9.1 a quote that does not end", request(`Sec-WebSocket-Extensions: permessage-deflate; x="10`), 400, ""},
		{"9.1 a quoted value that is no token", request(`Sec-WebSocket-Extensions: foo; x="1 0"`), 400, ""},
	} {
		for _, cut := range []int{0, 7} {
			t.Run(fmt.Sprintf("%s/%d", c.rule, cut), func(t *testing.T) {
				t.Parallel()
				p := s.raw()
				for in := c.request; in != ""; {
					n := len(in)
					if cut > 0 {
						n = min(n, cut)
					}
					p.send([]byte(in[:n]))
					in = in[n:]
				}
				a := p.answer()
				if a.StatusCode != c.status {
					body, _ := io.ReadAll(a.Body)
					t.Fatalf("%s: %s", a.Status, body)
				}
				if name, value, ok := strings.Cut(c.want, ": "); ok && a.Header.Get(name) != value {
					t.Errorf("%s: %q, want %q", name, a.Header.Get(name), value)
				}
				if a.StatusCode == 101 {
					p.send(append(text("hello"), bye(1000, "")...))
					if got := p.all(); got != `text "hello", close 1000` {
						t.Error(got)
					}
					return
				}
				if a.Header.Get("Sec-WebSocket-Version") != "13" {
					t.Error("it does not say which version it speaks")
				}
				if io.Copy(io.Discard, a.Body); a.Close {
					return
				}
				p.send([]byte(request())) // HTTP goes on
				if a := p.answer(); a.StatusCode != 101 {
					t.Errorf("the next request: %s", a.Status)
				}
			})
		}
	}
}

// Each parameter of permessage-deflate, right and wrong (RFC 7692 7.1).
func TestDeflateOffers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		offer string
		bits  uint8 // 0: declined
	}{
		{"permessage-deflate", 15},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", 15},
		{"permessage-deflate; server_no_context_takeover=1", 0},
		{"permessage-deflate; client_no_context_takeover=true", 0},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", 0},
		{"permessage-deflate; server_max_window_bits", 0},
		{"permessage-deflate; server_max_window_bits=7", 0},
		{"permessage-deflate; server_max_window_bits=8", 8},
		{"permessage-deflate; server_max_window_bits=9", 9},
		{"permessage-deflate; server_max_window_bits=15", 15},
		{"permessage-deflate; server_max_window_bits=16", 0},
		{"permessage-deflate; server_max_window_bits=08", 0},
		{"permessage-deflate; server_max_window_bits=1", 0},
		{"permessage-deflate; server_max_window_bits=100", 0},
		{"permessage-deflate; server_max_window_bits=+9", 0},
		{"permessage-deflate; client_max_window_bits", 15},
		{"permessage-deflate; client_max_window_bits=8", 15},
		{"permessage-deflate; client_max_window_bits=7", 0},
		{"permessage-deflate; client_max_window_bits=010", 0},
		{"permessage-deflate; unknown", 0},
		{"Permessage-Deflate", 0},
		{"x-webkit-deflate-frame", 0},
		{"permessage-deflate; unknown, permessage-deflate; server_max_window_bits=11", 11},
	} {
		offers, ok := parseExtensions(c.offer)
		if !ok {
			t.Fatalf("%s: malformed", c.offer)
		}
		answer, bits := acceptDeflate(offers)
		if bits != c.bits || (answer == "") != (bits == 0) {
			t.Errorf("%s: %q, %d bits, want %d", c.offer, answer, bits, c.bits)
		}
	}
}

// Fields that the program set go with the answer, and a handler that has begun
// another answer gets an error.
func TestUpgradeFields(t *testing.T) {
	t.Parallel()
	errs := make(chan error, 1)
	s := startWith(t, &server.Server{Loops: 1}, func(w server.Response, r server.Request) {
		w.Set("Set-Cookie", "a=b")
		if string(r.Query()) == "late" {
			w.WriteString("no, ")
		}
		_, err := Upgrade(w, r, echo())
		errs <- err
	})
	p := s.raw()
	p.send([]byte(request()))
	if a := p.answer(); a.Header.Get("Set-Cookie") != "a=b" || wait(t, errs) != nil {
		t.Error(a.Header)
	}
	p = s.raw()
	p.send([]byte(strings.Replace(request(), "/ws", "/ws?late", 1)))
	if a := p.answer(); a.StatusCode != http.StatusOK || wait(t, errs) == nil {
		t.Error(a.Status)
	}
}

func TestMaxConns(t *testing.T) {
	t.Parallel()
	h := echo()
	h.MaxConns = 2
	s := start(t, h)
	first := s.dial()
	s.dial()
	p := s.raw()
	p.send([]byte(request()))
	if a := p.answer(); a.StatusCode != 503 {
		t.Error(a.Status)
	}
	first.send(bye(1000, ""))
	first.all()
	first.Close()
	until(t, "there is room", func() bool { return h.open.Load() == 1 })
	s.dial()
}
