// What a handler is given beside what net/http gives it.

package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/parser"
	"github.com/lurcher-net/lurcher/server"
)

const hostDiffers = "CONNECT without a Host field, and a Host that RFC 3986 does not know, as `::1`, are answered with 400, and the preface of HTTP/2 with 505; net/http calls the handler."

var requestPromises = []promise{
	{name: "CONNECT without Host", in: "CONNECT x:80 HTTP/1.1\r\n\r\n", h: status(404, write("x")), differs: hostDiffers},
	{name: "a Host that is no authority", in: "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", h: write("x"), differs: hostDiffers},
	{name: "the preface of HTTP/2", in: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", h: write("x"), differs: hostDiffers},
	{name: "GET", in: get("/a/b?c=d&e", "User-Agent: x", "Accept: */*", "X-Two: 1", "x-two: 2", "x-TWO: 3", "Empty:"), h: dump},
	{name: "a path to decode", in: get("/a%20b/%2f?c=%20"), h: dump},
	{name: "a path that is encoded in another way", in: get(`/a^b|c`), h: dump},
	{name: "a path with two slashes", in: get("//a//b"), h: dump},
	{name: "an empty query", in: get("/a?"), h: dump},
	{name: "a query of question marks", in: get("/a??"), h: dump},
	{name: "a path of odd bytes", in: get("/a;b=c,d:e@f&g=h+i$j!k*l(m)n'o~p"), h: dump},
	{name: "a target with a scheme", in: "GET http://example.com:8/a?b HTTP/1.1\r\nHost: other\r\n\r\n", h: dump},
	{name: "a target with a user", in: "GET http://u@example.com:8/a?b HTTP/1.1\r\nHost: other\r\n\r\n", h: dump, differs: strict},
	{name: "OPTIONS *", in: request("OPTIONS", "*"), h: dump},
	{name: "HTTP/1.0", in: "GET / HTTP/1.0\r\nHost: x\r\n\r\n", h: dump, differs: http10},
	{name: "HTTP/1.0 without a host", in: "GET /a HTTP/1.0\r\n\r\n", h: dump, differs: http10},
	{name: "HTTP/1.0, keep-alive", in: "GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", h: dump, differs: http10},
	{name: "HTTP/1.0, a large answer", in: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", h: write(long), differs: http10},
	{name: "HTTP/1.0 gets no 1xx", in: "GET / HTTP/1.0\r\n\r\n", h: status(103, write("x")),
		differs: "An HTTP/1.0 client is sent no 1xx (RFC 9110 15.2)."},
	{name: "HTTP/1.2", in: "GET / HTTP/1.2\r\nHost: x\r\n\r\n", h: dump,
		differs: "A request of HTTP/1.2 is HTTP/1.1 in Request.Proto."},
	{name: "an empty line in front", in: "\r\n" + get("/"), h: dump,
		differs: "Empty lines in front of a request are skipped (RFC 9112 2.2); net/http answers 400."},
	{name: "another expectation beside 100-continue", in: request("POST", "/", "Expect: 100-continue, other", "Content-Length: 3") + "abc", h: dump, differs: expects},
	{name: "another expectation of HTTP/1.0", in: "POST / HTTP/1.0\r\nExpect: other\r\nContent-Length: 3\r\n\r\nabc", h: dump, differs: expects},
	{name: "an odd method", in: request("FROB", "/"), h: dump},
	{name: "Connection: close", in: get("/", "Connection: close"), h: dump},
	{name: "cookies", in: get("/", "Cookie: a=1; b=2", "Cookie: c=3"), h: func(w http.ResponseWriter, r *http.Request, say say) { say("%v", r.Cookies()) }},
	{name: "Pragma is Cache-Control", in: get("/", "Pragma: no-cache"), h: dump},
	{name: "a body", in: post("/", "hello"), h: dump},
	{name: "an empty body", in: post("/", ""), h: dump},
	{name: "a chunked body", in: chunks("/", "hel", "lo"), h: dump},
	{name: "an empty chunked body", in: chunks("/"), h: dump},
	{name: "a trailer section", in: request("POST", "/", "Transfer-Encoding: chunked", "Trailer: X-A, x-b") + "3\r\nabc\r\n0\r\nX-A: 1\r\nX-C: 3\r\nX-C: 4\r\n\r\n",
		h: func(w http.ResponseWriter, r *http.Request, say say) { say("before: %v", r.Trailer); dump(w, r, say) }},
	{name: "a trailer section that nobody announced", in: request("POST", "/", "Transfer-Encoding: chunked") + "0\r\nX-A: 1\r\n\r\n", h: dump},
	{name: "Trailer without chunks", in: get("/", "Trailer: X-A"), h: dump},
	{name: "a trailer that must not be one", in: request("POST", "/", "Transfer-Encoding: chunked", "Trailer: Content-Length") + "0\r\n\r\n", h: dump, differs: refusals},
	{name: "a large body", in: post("/", long+long+long), h: read},
	{name: "a large chunked body", in: chunks("/", long, long, long), h: read},
	{name: "a target that is no URL", in: get("/%zz"), h: dump, differs: refusals},
	{name: "no host", in: "GET / HTTP/1.1\r\n\r\n", h: dump, differs: refusals},
	{name: "a coding nobody knows", in: request("POST", "/", "Transfer-Encoding: gzip"), h: dump, differs: refusals},
	{name: "a line end without CR", in: "GET / HTTP/1.1\nHost: x\n\n", h: dump, differs: strict},
	{name: "a folded line", in: "GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n 2\r\n\r\n", h: dump, differs: strict},
	{name: "two lengths", in: request("POST", "/", "Content-Length: 3", "Content-Length: 3") + "abc", h: dump, differs: strict},
	{name: "a length and chunks", in: request("POST", "/", "Content-Length: 3", "Transfer-Encoding: chunked") + "0\r\n\r\n", h: dump, differs: strict},
	{name: "a form", in: post("/?q=1", "a=b&c=d", "Content-Type: application/x-www-form-urlencoded"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		say("%v %v %v", r.ParseForm(), r.Form, r.PostForm)
	}},
	{name: "a form with a file", in: post("/", form, "Content-Type: multipart/form-data; boundary=B"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		f, h, err := r.FormFile("f")
		if err != nil {
			say("%v", err)
			return
		}
		b, _ := io.ReadAll(f)
		say("%s %q", h.Filename, b)
	}},
	{name: "Read after the end", in: post("/", "abc"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		read(w, r, say)
		n, err := r.Body.Read(make([]byte, 1))
		say("%d %v", n, err)
	}},
	{name: "Read after Close", in: post("/", "abc"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		say("%v", r.Body.Close())
		n, err := r.Body.Read(make([]byte, 1))
		say("%d %v", n, err)
	}},
	{name: "no body is http.NoBody", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) { say("%v", r.Body == http.NoBody) }},
	{name: "a small body that is not read", in: post("/", "abc"), h: write("x")},
	{name: "a body of 200 KB that is not read", in: post("/", long+long), h: write("x")},
	{name: "a body of 400 KB that is not read", in: request("POST", "/", "Content-Length: 409600"), h: write("x")},
	{name: "MaxBytesReader", in: post("/", long), h: func(w http.ResponseWriter, r *http.Request, say say) {
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10))
		say("%d %v", len(b), err)
	}, differs: "http.MaxBytesReader cannot tell a ResponseWriter that is not net/http's own to close the connection: it is closed if more than 256 KB of the body are left, and kept otherwise."},
	{name: "what the context has", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
		say("server %v %v", ok, srv != nil)
		addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		say("address %v %T %v", ok, addr, addr)
		say("%v %v", r.Context().Err(), r.Context().Value("other"))
	}},
	{name: "RemoteAddr and TLS", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		host, port, err := net.SplitHostPort(r.RemoteAddr)
		say("%s %v %v", host, port != "", err)
		if r.TLS != nil {
			say("%x %x %q %v", r.TLS.Version, r.TLS.CipherSuite, r.TLS.ServerName, r.TLS.HandshakeComplete)
		}
	}},
	{name: "a body of 64 MB and more", in: request("POST", "/", "Content-Length: 67108865"), h: write("x"),
		differs: "The limits and timeouts of Server are on by default: a body of more than MaxBody is answered with 413, one that stops for BodyTimeout with 408, a client that takes nothing for WriteTimeout is closed, a head has MaxHead bytes and MaxFields lines. net/http has hardly any unless they are set."},
}

const (
	http10   = "An HTTP/1.0 client is answered with HTTP/1.1 in the status line, as RFC 9112 2.3 has it; net/http says 1.0."
	strict   = "Requests are held to RFC 9112: bare LF, folded lines, a user in the target, two Content-Length lines or one beside Transfer-Encoding, which net/http takes, are answered with 400."
	refusals = "Answers that the server gives on its own (400, 408, 413, 417, 431, 501, 503, 505) have other words than those of net/http, a Content-Length and a Date."
	expects  = "An expectation that the server does not know is answered with 417 beside 100-continue too, and ignored in HTTP/1.0."
	form     = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\n\r\nthe file\r\n--B--\r\n"
)

// dump says all of a request.
func dump(w http.ResponseWriter, r *http.Request, say say) {
	u := *r.URL
	say("%s %q %s %d.%d host %q close %v", r.Method, r.RequestURI, r.Proto, r.ProtoMajor, r.ProtoMinor, r.Host, r.Close)
	say("URL %#v", u)
	say("fields %q length %d coding %v", r.Header, r.ContentLength, r.TransferEncoding)
	b, err := io.ReadAll(r.Body)
	say("body %q %v trailer %v", b, err, r.Trailer)
	io.WriteString(w, "dumped")
}

// TestPlainPath: the short way to a URL leads where url.ParseRequestURI does.
func TestPlainPath(t *testing.T) {
	t.Parallel()
	check := func(target string) {
		want, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		got, err := parseTarget(new(url.URL), "GET", target)
		if err != nil || *got != *want {
			t.Errorf("%q: %#v, %v, want %#v", target, got, err, want)
		}
	}
	for a := range 256 {
		for b := range 256 {
			check("/" + string([]byte{byte(a), byte(b)}))
		}
		check("/x?" + string([]byte{byte(a)}))
		check("/" + string([]byte{byte(a)}) + "?")
	}
	for _, s := range []string{"/", "/?", "/??", "/a?b?c", "//", "///", "/a//b", "/:", "/a:b", "*"} {
		check(s)
	}
}

// TestRequestOutlives keeps a request beyond its handler, as loggers do.
func TestRequestOutlives(t *testing.T) {
	t.Parallel()
	kept := make(chan *http.Request, 100)
	s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { kept <- r }), 2))
	c := s.dial()
	for i := range 100 {
		c.Send(get(fmt.Sprintf("/%d?%d", i, i), fmt.Sprintf("X-N: %d", i)))
		c.Want("200")
	}
	for i := range 100 {
		r := <-kept
		if want := fmt.Sprintf("/%d?%d", i, i); r.URL.String() != want || r.RequestURI != want || r.Header.Get("X-N") != fmt.Sprint(i) {
			t.Fatalf("%v %v", r.URL, r.Header)
		}
		if r.Context().Err() != context.Canceled {
			t.Errorf("its context has %v", r.Context().Err())
		}
	}
}

// TestWriterOutlives uses a ResponseWriter and a Body beyond the handler: no
// other exchange is harmed.
func TestWriterOutlives(t *testing.T) {
	t.Parallel()
	type pair struct {
		w http.ResponseWriter
		r *http.Request
	}
	kept := make(chan pair, 1)
	s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keep" {
			kept <- pair{w, r}
			return
		}
		p := <-kept
		for range 2 {
			n, err := io.WriteString(p.w, "harm")
			m, err2 := p.r.Body.Read(make([]byte, 10))
			_, err3 := p.w.(io.ReaderFrom).ReadFrom(bytes.NewReader([]byte("harm")))
			p.w.WriteHeader(500)
			p.w.Header().Set("X-Harm", "1")
			if n+m != 0 || err == nil || err2 == nil || err3 == nil || http.NewResponseController(p.w).Flush() == nil {
				t.Errorf("%d %v, %d %v, %v", n, err, m, err2, err3)
			}
		}
		io.WriteString(w, "well")
	}), 2))
	c := s.dial()
	c.Send(post("/keep", "body"))
	c.Want("200")
	c.Send(get("/"))
	if a := c.Want("200 well"); a.Header.Get("X-Harm") != "" {
		t.Error("harmed")
	}
}

// TestRequestsAlike: of random heads that both parsers take, a handler is given
// what http.ReadRequest makes of them.
func TestRequestsAlike(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	compared := 0
	for range 20_000 {
		var b strings.Builder
		method := pick("GET", "POST", "HEAD", "OPTIONS", "CONNECT", "PUT")
		target := pick("/", "/a/b?c=d", "/a%20b", "/%", "/a?b?", "//x/y", "/?", "*", "http://h.example/p?q", "http://h.example", "h:443", "/"+string(rune(33+rnd.IntN(90))), "/a#b")
		fmt.Fprintf(&b, "%s %s HTTP/1.%d\r\nHost: %s\r\n", method, target, rnd.IntN(2), pick("x", "x:1", "[::1]:80", "", "h.example"))
		for range rnd.IntN(6) {
			fmt.Fprintf(&b, "%s:%s%s%s\r\n", pick("accept", "Accept", "X-a", "x-A", "X-A", "cookie", "Pragma", "cache-control", "connection", "trailer", "Expect", "TE", "x_y.z!"),
				pick("", " ", "\t "), pick("a", "", "no-cache", "close", "keep-alive", "X-A, x-b", "a, b", "\"q\"", "caf\xc3\xa9"), pick("", " "))
		}
		b.WriteString(pick("", "", "Content-Length: 0\r\n", "content-length: 12\r\n", "Transfer-Encoding: chunked\r\n"))
		b.WriteString("\r\n")
		head := b.String()

		p := parser.Request{Head: parser.Head{Fields: make([]parser.Field, 0, 20)}}
		n, err := p.Parse([]byte(head))
		want, wantErr := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
		if err != nil || n != len(head) {
			continue // we are stricter
		}
		c := &call{head: head, desk: &desk{head: p}, peer: new(peer)}
		err = c.request(context.Background())
		if (err != nil) != (wantErr != nil) {
			t.Errorf("%q: %v, net/http says %v", head, err, wantErr)
		}
		if err != nil || wantErr != nil {
			continue
		}
		delete(want.Header, "Host") // the server does that, not ReadRequest
		want.Body, c.req.Body = nil, nil
		compared++
		if want = want.WithContext(c.req.Context()); !reflect.DeepEqual(c.req, want) {
			t.Fatalf("%q:\n%+v\nnet/http:\n%+v", head, c.req, want)
		}
	}
	if compared < 5000 {
		t.Errorf("only %d were compared", compared)
	}
}

// TestUsualNames: the names that are looked up have the keys that net/http gives them.
func TestUsualNames(t *testing.T) {
	t.Parallel()
	for name, key := range usual {
		if want := http.CanonicalHeaderKey(name); key != want {
			t.Errorf("%s is found as %s, not %s", name, key, want)
		}
	}
}

// TestContentTypesInTurn: the type of an answer is its own, also if a like one came before.
func TestContentTypesInTurn(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"/text": "text", "/more": "text and more", "/html": "<html>", "/zeros": "\x00\x00\x00\x00", "/long": long, "/longer": long + "\x00",
	}
	s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, bodies[r.URL.Path]) }), 4))
	c := s.dial()
	for range 3 {
		for path, body := range bodies {
			c.Send(get(path))
			a, err := c.Answer("GET")
			if err != nil {
				t.Fatal(err)
			}
			if got, want := a.Header.Get("Content-Type"), http.DetectContentType([]byte(body)); got != want {
				t.Errorf("%s is %s, not %s", path, got, want)
			}
		}
	}
}
