// Switching protocols: the head that a handler settles before it hijacks, and the
// fields that say how messages are framed and what the connection does.

package nethttp

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/server"
)

// switchTo settles the head as libraries for WebSocket do, and then hijacks.
func switchTo(code int, fields map[string]string, between func(w http.ResponseWriter)) func(w http.ResponseWriter, r *http.Request, say say) {
	return func(w http.ResponseWriter, r *http.Request, say say) {
		for k, v := range fields {
			w.Header().Set(k, v)
		}
		w.WriteHeader(code)
		if between != nil {
			between(w)
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			say("%v", err)
			return
		}
		defer c.Close()
		if r.URL.Path == "/early" {
			b := make([]byte, 5)
			_, err := io.ReadFull(rw, b)
			say("%q %v", b, err)
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Behind: 1\r\nContent-Length: 0\r\n\r\n")
	}
}

var (
	offer   = []string{"Connection: upgrade", "Upgrade: shout"}
	shout   = map[string]string{"Connection": "Upgrade", "Upgrade": "shout"}
	flushed = func(w http.ResponseWriter) { w.(http.Flusher).Flush() }
)

var switchPromises = []promise{
	{name: "WriteHeader(101), and then Hijack", in: get("/", offer...), h: switchTo(101, shout, nil)},
	{name: "WriteHeader(101), Flush, and then Hijack", in: get("/", offer...), h: switchTo(101, shout, flushed)},
	{name: "WriteHeader(101) and bytes behind the request", in: get("/early", offer...) + "early", h: switchTo(101, shout, nil)},
	{name: "WriteHeader(101) and a list of options", in: get("/", offer...), h: switchTo(101, map[string]string{"Connection": "x-a, upgrade", "Upgrade": "shout", "X-A": "1"}, nil)},
	{name: "CONNECT, WriteHeader(200), and then Hijack", in: request("CONNECT", "a.example:443"), h: switchTo(200, nil, nil),
		differs: "A 2xx to CONNECT has neither Content-Length nor Transfer-Encoding (RFC 9110 8.6, RFC 9112 6.1); net/http sends the latter."},
	{name: "CONNECT, WriteHeader(200), Flush, and then Hijack", in: request("CONNECT", "a.example:443"), h: switchTo(200, nil, flushed),
		differs: "A 2xx to CONNECT has neither Content-Length nor Transfer-Encoding (RFC 9110 8.6, RFC 9112 6.1); net/http sends the latter."},
	{name: "WriteHeader(426) with its Upgrade", in: get("/"), h: with(map[string]string{"Connection": "upgrade", "Upgrade": "shout"}, status(426, write("x")))},
}

const oneLine = "Connection is one line, with the handler's options but for those that contradict what the server does; close in any case and place closes."

var framingPromises = []promise{
	{name: "keep-alive by the handler", in: get("/"), h: with(map[string]string{"Connection": "keep-alive"}, write("x"))},
	{name: "keep-alive by the handler, close by the client", in: get("/", "Connection: close"), h: with(map[string]string{"Connection": "keep-alive"}, write("x"))},
	{name: "Keep-Alive by the handler, close by the client", in: get("/", "Connection: close"), h: with(map[string]string{"Connection": "Keep-Alive"}, write("x"))},
	{name: "keep-alive by the handler, and a large body that is not read", in: request("POST", "/", "Content-Length: 1000000"), h: with(map[string]string{"Connection": "keep-alive"}, write("x"))},
	{name: "Connection: Close by the handler", in: get("/"), h: with(map[string]string{"Connection": "Close"}, write("x")), differs: oneLine},
	{name: "close in a list by the handler", in: get("/"), h: with(map[string]string{"Connection": "X-A, close", "X-A": "1"}, write("x")),
		differs: oneLine},
	{name: "Transfer-Encoding: gzip by the handler", in: get("/"), h: with(map[string]string{"Transfer-Encoding": "gzip"}, write("x"))},
	{name: "Transfer-Encoding and Content-Length by the handler", in: get("/"), h: with(map[string]string{"Transfer-Encoding": "chunked", "Content-Length": "1"}, write("x"))},
	{name: "Content-Length: +3", in: get("/"), h: with(map[string]string{"Content-Length": "+3"}, write("abc")),
		differs: "A Content-Length of +3 is sent as 3; net/http sends what is no length."},
	{name: "a head that is flushed, and HEAD", in: request("HEAD", "/"), h: with(map[string]string{"Transfer-Encoding": "gzip"}, flush("x"))},
}

// TestSwitchesNobodyOffered: 101 to who offers no upgrade is not sent, whatever the
// handler does (RFC 9110 7.8), and the server says so in its place. Without Hijack
// neither a 101 nor a 2xx to CONNECT is sent.
func TestSwitchesNobodyOffered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		h    func(w http.ResponseWriter, r *http.Request, say say)
		want string
	}{
		"no offer":              {get("/"), switchTo(101, shout, nil), "500"},
		"HTTP/1.0":              {"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n", switchTo(101, shout, nil), "500"},
		"no Hijack":             {get("/", offer...), status(101, write()), "500"},
		"Flush and no Hijack":   {get("/", offer...), status(101, flush()), "500"},
		"CONNECT":               {request("CONNECT", "a.example:443"), status(200, flush()), "501"},
		"CONNECT and a body":    {request("CONNECT", "a.example:443"), status(200, flush("x")), "501"},
		"CONNECT and a refusal": {request("CONNECT", "a.example:443"), status(403, flush("x")), "403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.h(w, r, func(string, ...any) {})
			}), 0))
			k := s.dial()
			k.Send(c.in)
			k.Want(c.want)
		})
	}
}

// TestOneConnectionLine: whatever the handler sets, an answer has one Connection
// line at most, and not both close and keep-alive (RFC 9112 9.6).
func TestOneConnectionLine(t *testing.T) {
	t.Parallel()
	s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, v := range r.URL.Query()["c"] {
			w.Header().Add("Connection", v)
		}
		io.WriteString(w, "x")
	}), 0))
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		for _, asked := range []string{"close", "keep-alive"} {
			for _, set := range []string{"", "c=close", "c=keep-alive", "c=Keep-Alive&c=close", "c=x-a", "c=x-a,+keep-alive,+CLOSE", "c=,"} {
				in := "GET /?" + set + " " + version + "\r\nHost: a\r\nConnection: " + asked + "\r\n\r\n"
				k := s.dial()
				k.Send(in)
				lines := connectionLines(k)
				low := strings.ToLower(strings.Join(lines, ","))
				closes := asked == "close" || strings.Contains(strings.ToLower(set), "close")
				if len(lines) > 1 || strings.Contains(low, "close") && strings.Contains(low, "keep-alive") || strings.Contains(low, "close") != closes {
					t.Errorf("%s, %s asked, %q set: %q", version, asked, set, lines)
				}
				if closes {
					k.WantEnd()
				} else {
					k.Send(in)
					k.Want("200 x")
				}
			}
		}
	}
}

// connectionLines reads an answer whose body is a byte, and returns its Connection
// lines. http.ReadResponse hides them.
func connectionLines(c *caller) (lines []string) {
	for {
		line, err := c.In.ReadString('\n')
		if err != nil {
			c.T.Fatal(err)
		}
		if line == "\r\n" {
			break
		}
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Connection:"); ok {
			lines = append(lines, v)
		}
	}
	c.In.ReadByte()
	return lines
}
