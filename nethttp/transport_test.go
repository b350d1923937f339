// Transport beside http.Transport: what its documentation promises, each line of the
// tables run on both against the same server.

package nethttp

//lint:file-ignore SA1019 Request.Cancel is deprecated, and a RoundTripper may be given one all the same.

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// settings are fields that both Transports have.
type settings struct {
	Proxy                  func(*http.Request) (*url.URL, error)
	DialContext            func(ctx context.Context, network, addr string) (net.Conn, error)
	TLSClientConfig        *tls.Config
	TLSHandshakeTimeout    time.Duration
	DisableKeepAlives      bool
	DisableCompression     bool
	MaxConnsPerHost        int
	ResponseHeaderTimeout  time.Duration
	ExpectContinueTimeout  time.Duration
	MaxResponseHeaderBytes int64
	ProxyConnectHeader     http.Header
}

// on sets them in a Transport.
func (s settings) on(t http.RoundTripper) http.RoundTripper {
	from, to := reflect.ValueOf(s), reflect.ValueOf(t).Elem()
	for i := range from.NumField() {
		to.FieldByName(from.Type().Field(i).Name).Set(from.Field(i))
	}
	return t
}

// An asked is a line of the tables: what a program does with a client, and what a
// server does. What the program says is compared. differs is as in promise.
type asked struct {
	name    string
	set     settings
	h       http.HandlerFunc                // of net/http's server, or
	raw     func(c net.Conn, in lineReader) // what is said on each connection
	do      func(c *http.Client, url string, say say)
	differs string
}

func TestTransportPromises(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/nethttp.md")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(string(doc)), " ")
	for name, table := range map[string][]asked{"requests": askedRequests, "answers": askedAnswers, "ends": askedEnds, "connections": askedConnections} {
		for _, a := range table {
			t.Run(name+"/"+a.name, func(t *testing.T) {
				t.Parallel()
				theirs := a.on(t, &http.Transport{})
				ours := a.on(t, &Transport{})
				switch {
				case a.differs == "" && theirs != ours:
					t.Errorf("net/http:\n%s\nlurcher:\n%s", theirs, ours)
				case a.differs != "" && theirs == ours:
					t.Errorf("it is listed as different, and is not:\n%s", ours)
				case a.differs != "" && !strings.Contains(words, a.differs):
					t.Errorf("docs/nethttp.md does not say %q", a.differs)
				}
			})
		}
	}
}

// on runs the line on a Transport, which has to be rid of all it holds afterwards.
func (a asked) on(t *testing.T, tr http.RoundTripper) string {
	var mu sync.Mutex
	var said strings.Builder
	url := serveAsked(t, a.h, a.raw)
	a.do(&http.Client{Transport: a.set.on(tr), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, url, func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&said, format+"\n", args...)
	})
	tr.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	if tr, ok := tr.(*Transport); ok {
		for _, l := range tr.lanes {
			if l != nil {
				wait(t, l.ended)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return strings.ReplaceAll(said.String(), strings.TrimPrefix(url, "http://"), "SERVER")
}

func serveAsked(t *testing.T, h http.HandlerFunc, raw func(c net.Conn, in lineReader)) string {
	if h != nil {
		s := httptest.NewServer(h)
		t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
		return s.URL
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go func() { defer c.Close(); raw(c, lineReader{bufio.NewReader(c)}) }()
		}
	}()
	return "http://" + ln.Addr().String()
}

type lineReader struct{ *bufio.Reader }

// head reads a head, and reports whether there was one.
func (r lineReader) head() bool { return r.text() != "" }

func (r lineReader) text() string {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return ""
		}
		if b.WriteString(line); line == "\r\n" {
			return b.String()
		}
	}
}

// always answers each request on a connection in the same way.
func always(answer string) func(c net.Conn, in lineReader) {
	return func(c net.Conn, in lineReader) {
		for in.head() {
			io.WriteString(c, answer)
		}
	}
}

// once is always for one request, and then the end.
func once(answer string) func(c net.Conn, in lineReader) {
	return func(c net.Conn, in lineReader) {
		if in.head() {
			io.WriteString(c, answer)
		}
	}
}

// kind is what callers look for in an error.
func kind(err error) string {
	var n net.Error
	for _, k := range []struct {
		err  error
		text string
	}{{context.Canceled, "canceled"}, {context.DeadlineExceeded, "deadline"}, {os.ErrDeadlineExceeded, "timeout"}, {io.ErrUnexpectedEOF, "unexpected EOF"},
		{io.EOF, "EOF"}, {syscall.ECONNRESET, "reset"}, {syscall.ECONNREFUSED, "refused"}} {
		if errors.Is(err, k.err) && !(k.err == io.ErrUnexpectedEOF && errors.Is(err, io.EOF)) {
			return k.text
		}
	}
	switch {
	case err == nil:
		return "nil"
	case errors.As(err, &n) && n.Timeout():
		return "timeout"
	}
	return "an error"
}

// show says what came of a request.
func show(say say, resp *http.Response, err error) {
	if err != nil {
		say("error: %s", kind(err))
		return
	}
	defer resp.Body.Close()
	say("%s %s length %d coding %v close %v uncompressed %v, request %v", resp.Proto, resp.Status, resp.ContentLength, resp.TransferEncoding, resp.Close, resp.Uncompressed, resp.Request != nil)
	for _, k := range slices.Sorted(maps.Keys(resp.Header)) {
		if k != "Date" {
			say("\t%s: %q", k, resp.Header[k])
		}
	}
	say("\tannounced %v", resp.Trailer)
	b, err := io.ReadAll(resp.Body)
	if len(b) > 400 {
		b = fmt.Appendf(b[:40:40], "... %d bytes, sum %d", len(b), sum(b))
	}
	say("\tbody %q, %s, trailer %v", b, kind(err), resp.Trailer)
}

// ask makes a request, and shows what came.
func askFor(method string, body func() io.Reader, change func(r *http.Request)) func(c *http.Client, url string, say say) {
	return func(c *http.Client, url string, say say) {
		for range 2 { // the second on the same connection, as a rule
			var b io.Reader
			if body != nil {
				b = body()
			}
			req, err := http.NewRequest(method, url+"/a?b=c", b)
			if err != nil {
				say("%v", err)
				return
			}
			if change != nil {
				change(req)
			}
			resp, err := c.Do(req)
			show(say, resp, err)
		}
	}
}

// echo says what has come.
func echo(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if len(b) > 400 {
		b = fmt.Appendf(nil, "%d bytes, sum %d", len(b), sum(b))
	}
	delete(r.Header, "Date")
	fmt.Fprintf(w, "%s %s %s host %s length %d coding %v close %v %v\n%q %v trailer %v", r.Method, r.RequestURI, r.Proto, r.Host, r.ContentLength, r.TransferEncoding, r.Close, r.Header, b, err, r.Trailer)
}

func text(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }
func stream(s string) func() io.Reader {
	return func() io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }
}

var askedRequests = []asked{
	{name: "GET", h: echo, do: askFor("GET", nil, nil)},
	{name: "HEAD", h: echo, do: askFor("HEAD", nil, nil)},
	{name: "POST of nothing", h: echo, do: askFor("POST", nil, nil)},
	{name: "POST of text", h: echo, do: askFor("POST", text("hello"), nil)},
	{name: "POST of much text", h: echo, do: askFor("POST", text(long+long), nil)},
	{name: "POST of a stream", h: echo, do: askFor("POST", stream("hello"), nil)},
	{name: "POST of a long stream", h: echo, do: askFor("POST", stream(long+long), nil)},
	{name: "POST of an empty stream", h: echo, do: askFor("POST", stream(""), nil)},
	{name: "GET with a body", h: echo, do: askFor("GET", text("hello"), nil)},
	{name: "GET with a stream", h: echo, do: askFor("GET", stream("hello"), nil)},
	{name: "GET with an empty stream", h: echo, do: askFor("GET", stream(""), nil)},
	{name: "DELETE with a body", h: echo, do: askFor("DELETE", text("x"), nil)},
	{name: "PUT, PATCH", h: echo, do: func(c *http.Client, url string, say say) {
		askFor("PUT", text("x"), nil)(c, url, say)
		askFor("PATCH", text("x"), nil)(c, url, say)
	}},
	{name: "another method", h: echo, do: askFor("PROPFIND", nil, nil), differs: "A request without a body says Content-Length: 0 unless its method is one that has none, as GET (RFC 9110 8.6); net/http does for POST, PUT and PATCH."},
	{name: "OPTIONS *", h: echo, do: askFor("OPTIONS", nil, func(r *http.Request) { r.URL = &url.URL{Scheme: "http", Host: r.URL.Host, Opaque: "*"} })},
	{name: "a stream with a length", h: echo, do: askFor("POST", stream("hello"), func(r *http.Request) { r.ContentLength = 5 })},
	{name: "a stream that is shorter", h: echo, do: askFor("POST", stream("hello"), func(r *http.Request) { r.ContentLength = 6 })},
	{name: "a stream that is longer", h: echo, do: askFor("POST", stream("hello"), func(r *http.Request) { r.ContentLength = 4 })},
	{name: "a length and no body", h: echo, do: askFor("POST", nil, func(r *http.Request) { r.ContentLength = 4 })},
	{name: "a body that fails", h: echo, do: askFor("POST", func() io.Reader { return io.MultiReader(strings.NewReader("x"), failing{}) }, nil)},
	{name: "chunked by TransferEncoding", h: echo, do: askFor("POST", text("hello"), func(r *http.Request) { r.TransferEncoding = []string{"chunked"} })},
	{name: "fields", h: echo, do: askFor("GET", nil, func(r *http.Request) {
		r.Header.Add("X-B", "1")
		r.Header.Add("X-A", "2")
		r.Header.Add("X-A", " 3 ")
		r.Header["x-raw"] = []string{"4"}
		r.Header.Set("Host", "ignored")
		r.Header.Set("Content-Length", "77")
		r.Header.Set("Transfer-Encoding", "chunked")
		r.Header.Set("Trailer", "X")
	})},
	{name: "User-Agent", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.Header.Set("User-Agent", "me") })},
	{name: "no User-Agent", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.Header["User-Agent"] = nil })},
	{name: "Request.Host", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.Host = "other.example:81" })},
	{name: "a Host that is none", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.Host = "a b/c" })},
	{name: "Request.Close", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.Close = true })},
	{name: "DisableKeepAlives", set: settings{DisableKeepAlives: true}, h: echo, do: askFor("GET", nil, nil)},
	{name: "DisableCompression", set: settings{DisableCompression: true}, h: echo, do: askFor("GET", nil, nil)},
	{name: "Accept-Encoding by the caller", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.Header.Set("Accept-Encoding", "br") })},
	{name: "Range", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.Header.Set("Range", "bytes=1-2") })},
	{name: "a user in the URL", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.URL.User = url.UserPassword("me", "se:cret") })},
	{name: "a path to be encoded", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/ä b", "x=\u00e4y" }),
		differs: "A query that is not ASCII is an error; net/http sends it as it is."},
	{name: "an opaque URL", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.URL.Opaque = "/%2f/x" })},
	{name: "a trailer", h: echo, do: askFor("POST", stream("hello"), func(r *http.Request) { r.Trailer = http.Header{"X-Sum": {"7"}, "X-Other": {"1", "2"}} })},
	{name: "a trailer that is known at the end", h: echo, do: func(c *http.Client, url string, say say) {
		req, _ := http.NewRequest("POST", url, nil)
		req.Trailer = http.Header{"X-Sum": nil}
		req.Body = io.NopCloser(io.MultiReader(strings.NewReader("hello"), then(func() { req.Trailer.Set("X-Sum", "8") })))
		req.ContentLength = -1
		resp, err := c.Do(req)
		show(say, resp, err)
	}},
	{name: "no URL", h: echo, do: func(c *http.Client, _ string, say say) {
		_, err := c.Transport.RoundTrip(&http.Request{Header: http.Header{}})
		say("%v", err)
		_, err = c.Transport.RoundTrip(&http.Request{URL: &url.URL{Scheme: "http", Host: "a"}})
		say("%v", err)
		_, err = c.Transport.RoundTrip(&http.Request{Header: http.Header{}, URL: &url.URL{Scheme: "http"}})
		say("%v", err)
		_, err = c.Transport.RoundTrip(&http.Request{Header: http.Header{}, URL: &url.URL{Scheme: "ftp", Host: "a"}})
		say("%v", err)
		_, err = c.Transport.RoundTrip(&http.Request{Method: "A B", Header: http.Header{}, URL: &url.URL{Scheme: "http", Host: "a"}})
		say("%v", err)
		_, err = c.Transport.RoundTrip(&http.Request{Header: http.Header{"A B": {"x"}}, URL: &url.URL{Scheme: "http", Host: "a"}})
		say("%v", err)
		_, err = c.Transport.RoundTrip(&http.Request{Header: http.Header{"A": {"x\r\ny"}}, URL: &url.URL{Scheme: "http", Host: "a"}})
		say("%v", err)
	}},
	{name: "the body is closed, whatever happens", h: echo, do: func(c *http.Client, u string, say say) {
		for i, change := range []func(r *http.Request){
			func(r *http.Request) {},
			func(r *http.Request) { r.ContentLength = 5 },
			func(r *http.Request) { r.ContentLength = 50 },
			func(r *http.Request) { r.ContentLength = 2 },
			func(r *http.Request) { r.URL.Host = "127.0.0.1:1" },
			func(r *http.Request) { r.URL.Scheme = "ftp" },
			func(r *http.Request) { r.Header = nil },
			func(r *http.Request) { r.Method = "GET" },
			func(r *http.Request) { r.Method = "A B" },
			func(r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context())
				cancel()
				*r = *r.WithContext(ctx)
			},
		} {
			closed := make(chan bool, 9)
			req, _ := http.NewRequest("POST", u, nil)
			req.Body = &closing{Reader: strings.NewReader("hello"), closed: closed}
			req.ContentLength = -1
			change(req)
			resp, err := c.Transport.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			select {
			case <-closed:
				say("%d closed, %s", i, kind(err))
			case <-time.After(patience):
				say("%d not closed, %s", i, kind(err))
			}
		}
	}},
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// then calls fn at the end of what was before.
type then func()

func (fn then) Read([]byte) (int, error) { fn(); return 0, io.EOF }

type closing struct {
	io.Reader
	once   sync.Once
	closed chan bool
}

func (c *closing) Close() error { c.once.Do(func() { c.closed <- true }); return nil }

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

var askedAnswers = []asked{
	{name: "a length", raw: always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nx-a: 2\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "nothing", raw: always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "chunks", raw: always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "chunks and a trailer", raw: always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, x-other\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\nX-More: 8\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "until the end", raw: once("HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "HTTP/1.0", raw: once("HTTP/1.0 200 OK\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "HTTP/1.0 that keeps alive", raw: always("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "close", raw: once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "204", raw: always("HTTP/1.1 204 No Content\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "304", raw: always("HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "304 with a length", raw: always("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "HEAD with a length", raw: always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), do: askFor("HEAD", nil, nil)},
	{name: "HEAD without", raw: always("HTTP/1.1 200 OK\r\n\r\n"), do: askFor("HEAD", nil, nil)},
	{name: "HEAD of chunks", raw: always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), do: askFor("HEAD", nil, nil)},
	{name: "a reason of several words", raw: always("HTTP/1.1 299 It is so\r\nContent-Length: 0\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "no reason", raw: always("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "no reason and no space", raw: always("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), do: askFor("GET", nil, nil),
		differs: "Response.Status ends in a space where there is no reason."},
	{name: "a redirect", raw: always("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "Pragma", raw: always("HTTP/1.1 200 OK\r\nPragma: no-cache\r\nContent-Length: 0\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "interim answers", raw: always("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "gzip", raw: always("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + fmt.Sprint(len(gzipped(long))) + "\r\n\r\n" + gzipped(long)), do: askFor("GET", nil, nil)},
	{name: "gzip, chunked", raw: always("HTTP/1.1 200 OK\r\nContent-Encoding: GZIP\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(gzipped("hi")), gzipped("hi"))), do: askFor("GET", nil, nil)},
	{name: "gzip that the caller asked for", raw: always("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + fmt.Sprint(len(gzipped("hi"))) + "\r\n\r\n" + gzipped("hi")),
		do: askFor("GET", nil, func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") })},
	{name: "gzip that is none", raw: always("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "gzip of nothing", raw: always("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "gzip, HEAD", raw: always("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"), do: askFor("HEAD", nil, nil)},
	{name: "a large body", h: func(w http.ResponseWriter, r *http.Request) {
		for range 30 {
			io.WriteString(w, long)
		}
	}, do: askFor("GET", nil, nil)},
	{name: "a body that is cut off", raw: once("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "chunks that are cut off", raw: once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"), do: askFor("GET", nil, nil)},
	{name: "a head that is cut off", raw: once("HTTP/1.1 200 OK\r\nContent-"), do: askFor("GET", nil, nil),
		differs: "A head that is cut off is io.ErrUnexpectedEOF."},
	{name: "no answer", raw: once(""), do: askFor("GET", nil, nil)},
	{name: "no answer, POST", raw: once(""), do: askFor("POST", text("x"), nil)},
	{name: "what is not HTTP", raw: once("SSH-2.0-OpenSSH\r\n"), do: askFor("GET", nil, nil)},
	{name: "a chunk that is none", raw: once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"), do: askFor("GET", nil, nil)},
	{name: "two lengths", raw: once("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "a head that is too large", set: settings{MaxResponseHeaderBytes: 1000}, raw: once("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 8000) + "\r\nContent-Length: 0\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "101", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nearly ")
		line, _ := in.ReadString('\n')
		io.WriteString(c, strings.ToUpper(line))
	}, do: func(c *http.Client, url string, say say) {
		req, _ := http.NewRequest("GET", url, nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "shout")
		resp, err := c.Do(req)
		if err != nil {
			say("%v", err)
			return
		}
		rw, ok := resp.Body.(io.ReadWriteCloser)
		say("%s %v %d %v", resp.Status, resp.Header, resp.ContentLength, ok)
		io.WriteString(rw, "hello\n")
		b, err := io.ReadAll(rw)
		say("%q %s %v", b, kind(err), rw.Close())
	}},
	{name: "CONNECT", raw: func(c net.Conn, in lineReader) {
		line, _, _ := strings.Cut(in.text(), "\r\n")
		io.WriteString(c, "HTTP/1.1 200 "+line+"\r\n\r\n")
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(c, strings.ToUpper(line))
		}
	}, do: bidi},
	{name: "CONNECT that is refused", raw: once("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"), do: func(c *http.Client, url string, say say) {
		closed := make(chan bool, 1)
		req, _ := http.NewRequest("CONNECT", url, nil)
		req.Body = &closing{Reader: strings.NewReader("x"), closed: closed}
		resp, err := c.Do(req)
		show(say, resp, err)
		<-closed
	}},
	{name: "interim answers without end", set: settings{MaxResponseHeaderBytes: 1000}, raw: func(c net.Conn, in lineReader) {
		for in.head() {
			for range 100 {
				io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
			}
			io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	}, do: func(c *http.Client, url string, say say) {
		resp, err := c.Get(url)
		say("%v", err != nil && strings.Contains(err.Error(), "server response headers exceeded 1000 bytes"))
		if err == nil {
			resp.Body.Close()
		}
	}},
	{name: "101 that was not asked for", raw: once("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n"), do: func(c *http.Client, url string, say say) {
		resp, err := c.Get(url)
		if err == nil {
			resp.Body.Close()
		}
		say("%s", kind(err))
	}, differs: "A 101 to a request that offered no Upgrade is an error (RFC 9110 15.2.2)."},
}

// bidi is a CONNECT whose body goes behind the answer.
func bidi(c *http.Client, url string, say say) {
	pr, pw := io.Pipe()
	defer pw.Close()
	req, _ := http.NewRequest("CONNECT", url, pr)
	req.URL.Opaque = "backend:443"
	resp, err := c.Do(req)
	if err != nil {
		say("%v", err)
		return
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for _, s := range []string{"foo\n", "bar\n"} {
		io.WriteString(pw, s)
		line, err := in.ReadString('\n')
		say("%s %q %v", resp.Status, line, err)
	}
}

// blocked is a body whose Read blocks until Close.
type blocked struct {
	closed chan bool
	once   sync.Once
}

func (b *blocked) Read([]byte) (int, error) { <-b.closed; return 0, io.ErrClosedPipe }
func (b *blocked) Close() error             { b.once.Do(func() { close(b.closed) }); return nil }

// silent reads a head and says nothing.
func silent(c net.Conn, in lineReader) { in.head(); in.ReadByte() }

var askedEnds = []asked{
	{name: "cancelled before", h: echo, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		_, err := c.Transport.RoundTrip(req)
		say("%v", err == context.Canceled)
	}},
	{name: "cancelled while it waits", raw: silent, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err := c.Transport.RoundTrip(req)
		say("%v", err == context.Canceled)
	}},
	{name: "cancelled with a cause", raw: silent, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancelCause(context.Background())
		why := errors.New("why")
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
		_, err := c.Transport.RoundTrip(req)
		say("%v", err == why)
	}},
	{name: "a deadline", raw: silent, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		_, err := c.Do(req)
		var n net.Error
		say("%s %v", kind(err), errors.As(err, &n) && n.Timeout())
	}},
	{name: "Client.Timeout", raw: silent, do: func(c *http.Client, url string, say say) {
		c.Timeout = 20 * time.Millisecond
		_, err := c.Get(url)
		say("%v", err.(net.Error).Timeout())
		say("%v", strings.Contains(err.Error(), "Client.Timeout"))
	}},
	{name: "Client.Timeout in the body", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
		in.ReadByte()
	}, do: func(c *http.Client, url string, say say) {
		c.Timeout = 50 * time.Millisecond
		resp, err := c.Get(url)
		if err != nil {
			say("%v", err)
			return
		}
		_, err = io.ReadAll(resp.Body)
		say("%v", err.(net.Error).Timeout())
	}},
	{name: "Request.Cancel", raw: silent, do: func(c *http.Client, url string, say say) {
		req, _ := http.NewRequest("GET", url, nil)
		ch := make(chan struct{})
		req.Cancel = ch //lint:ignore SA1019 http.Client sets it
		time.AfterFunc(20*time.Millisecond, func() { close(ch) })
		_, err := c.Transport.RoundTrip(req)
		say("%v", err)
	}},
	{name: "cancelled in the body", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
		in.ReadByte()
	}, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		resp, err := c.Do(req)
		if err != nil {
			say("%v", err)
			return
		}
		b := make([]byte, 2)
		n, err := io.ReadFull(resp.Body, b)
		say("%d %v", n, err)
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err = resp.Body.Read(b)
		say("%v", err == context.Canceled)
	}},
	{name: "cancelled behind the body", h: echo, do: func(c *http.Client, url string, say say) {
		for range 2 {
			ctx, cancel := context.WithCancel(context.Background())
			req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
			resp, err := c.Do(req)
			show(say, resp, err)
			cancel()
		}
	}},
	{name: "cancelled in an upload that nobody takes", raw: func(c net.Conn, in lineReader) { in.head(); time.Sleep(patience) }, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "POST", url, endless{})
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := c.Do(req)
		say("%s", kind(err))
	}},
	{name: "an answer while Read blocks", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		in.ReadByte()
	}, do: func(c *http.Client, url string, say say) {
		body := &blocked{closed: make(chan bool)}
		defer body.Close()
		resp, err := c.Post(url, "text/plain", body)
		show(say, resp, err)
	}},
	{name: "an early answer to a long upload", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
		io.Copy(io.Discard, in)
	}, do: func(c *http.Client, url string, say say) {
		resp, err := c.Post(url, "text/plain", endless{})
		show(say, resp, err)
	}},
	{name: "an answer that goes on while the request does", h: func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		b := make([]byte, 3)
		for {
			if _, err := io.ReadFull(r.Body, b); err != nil {
				return
			}
			w.Write(b)
			w.(http.Flusher).Flush()
		}
	}, do: func(c *http.Client, url string, say say) {
		for range 2 {
			pr, pw := io.Pipe()
			go io.WriteString(pw, "one")
			resp, err := c.Post(url, "text/plain", pr)
			if err != nil {
				say("%v", err)
				return
			}
			b := make([]byte, 3)
			for _, next := range []string{"two", "six", ""} {
				_, err := io.ReadFull(resp.Body, b)
				say("%q %v", b, err)
				if next == "" {
					pw.Close()
				} else {
					io.WriteString(pw, next)
				}
			}
			_, err = resp.Body.Read(b)
			say("%v", err)
		}
	}},
	{name: "ResponseHeaderTimeout", set: settings{ResponseHeaderTimeout: 50 * time.Millisecond}, raw: silent, do: func(c *http.Client, url string, say say) {
		_, err := c.Get(url)
		say("%v", err.(net.Error).Timeout())
	}},
	{name: "ResponseHeaderTimeout counts from the request's end", set: settings{ResponseHeaderTimeout: 100 * time.Millisecond}, h: echo, do: func(c *http.Client, url string, say say) {
		pr, pw := io.Pipe()
		go func() {
			for range 4 {
				time.Sleep(50 * time.Millisecond)
				io.WriteString(pw, "x")
			}
			pw.Close()
		}()
		resp, err := c.Post(url, "text/plain", pr)
		show(say, resp, err)
	}},
	{name: "100-continue", set: settings{ExpectContinueTimeout: patience}, h: echo, do: askFor("POST", text("hello"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })},
	{name: "100-continue of a stream", set: settings{ExpectContinueTimeout: patience}, h: echo, do: askFor("POST", stream(long), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })},
	{name: "100-continue that does not come", set: settings{ExpectContinueTimeout: 20 * time.Millisecond}, raw: func(c net.Conn, in lineReader) {
		in.head()
		b := make([]byte, 5)
		io.ReadFull(in, b)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+string(b))
	}, do: askFor("POST", text("hello"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })},
	{name: "100-continue without a timeout", raw: func(c net.Conn, in lineReader) {
		in.head()
		b := make([]byte, 5)
		io.ReadFull(in, b)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+string(b))
	}, do: askFor("POST", text("hello"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })},
	{name: "100-continue that is refused", set: settings{ExpectContinueTimeout: patience}, raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\n\r\nno")
	}, do: func(c *http.Client, url string, say say) {
		var read atomic.Int64
		req, _ := http.NewRequest("POST", url, struct{ io.Reader }{&counting{strings.NewReader("hello"), &read}})
		req.Header.Set("Expect", "100-continue")
		resp, err := c.Do(req)
		show(say, resp, err)
		say("%d bytes read", read.Load())
	}},
	{name: "closed before the end", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
		in.ReadByte()
	}, do: func(c *http.Client, url string, say say) {
		for range 2 {
			resp, err := c.Get(url)
			if err != nil {
				say("%v", err)
				return
			}
			say("%v", resp.Body.Close())
			_, err = resp.Body.Read(make([]byte, 1))
			say("%v", err)
			say("%v", resp.Body.Close())
		}
	}},
	{name: "nobody listens", h: echo, do: func(c *http.Client, url string, say say) {
		_, err := c.Get("http://127.0.0.1:1/")
		op, ok := err.(net.Error).(interface{ Unwrap() error }).Unwrap().(*net.OpError)
		say("%s %v", kind(err), ok && op.Op == "dial")
	}},
	{name: "a name that nobody has", h: echo, do: func(c *http.Client, url string, say say) {
		_, err := c.Get("http://nobody.invalid/")
		var dns *net.DNSError
		say("%v", errors.As(err, &dns))
	}},
	{name: "a connection that is reset", raw: func(c net.Conn, in lineReader) {
		in.head()
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}, do: askFor("GET", nil, nil)},
}

type counting struct {
	io.Reader
	n *atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// flaky closes each connection behind its nth answer, without having said so, when the next
// request has come.
func flaky(n int) func(c net.Conn, in lineReader) {
	return func(c net.Conn, in lineReader) {
		for i := 0; in.head(); i++ {
			if i == n {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
	}
}

// idle waits until a connection that served is idle on either side.
func settled() { time.Sleep(20 * time.Millisecond) }

var askedConnections = []asked{
	{name: "one is used again", h: func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }, do: func(c *http.Client, url string, say say) {
		said := map[string]bool{}
		for range 5 {
			resp, err := c.Get(url)
			if err != nil {
				say("%v", err)
				return
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			said[string(b)] = true
		}
		say("%d connections", len(said))
	}},
	{name: "MaxConnsPerHost", set: settings{MaxConnsPerHost: 2}, h: func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(5 * time.Millisecond)
		io.WriteString(w, r.RemoteAddr)
	}, do: func(c *http.Client, url string, say say) {
		var mu sync.Mutex
		said := map[string]bool{}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				resp, err := c.Get(url)
				if err != nil {
					say("%v", err)
					return
				}
				b, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				mu.Lock()
				defer mu.Unlock()
				said[string(b)] = true
			})
		}
		wg.Wait()
		say("%d connections", len(said))
	}},
	{name: "a connection that died is not the caller's fault: GET", raw: flaky(1), do: repeat(6, "GET", nil)},
	{name: "a connection that died: HEAD, OPTIONS", raw: flaky(1), do: repeat(4, "OPTIONS", nil)},
	{name: "a connection that died: POST", raw: flaky(1), do: repeat(2, "POST", text("x"))},
	{name: "a connection that died: POST with an Idempotency-Key", raw: flaky(1), do: func(c *http.Client, url string, say say) {
		for range 3 {
			req, _ := http.NewRequest("POST", url, strings.NewReader("x"))
			req.Header.Set("Idempotency-Key", "1")
			resp, err := c.Do(req)
			show(say, resp, err)
			settled()
		}
	}},
	{name: "DialContext", h: echo, set: settings{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}, do: askFor("GET", nil, nil)},
	{name: "DialContext without a socket", h: echo, set: settings{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return struct{ net.Conn }{c}, err
	}}, do: askFor("POST", stream(long), nil)},
	{name: "DialContext that fails", h: echo, set: settings{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return nil, io.ErrClosedPipe
	}}, do: func(c *http.Client, url string, say say) {
		_, err := c.Get(url)
		say("%v", errors.Is(err, io.ErrClosedPipe))
	}},
	{name: "httptrace", h: echo, do: traced("GET", nil)},
	{name: "httptrace of a POST", h: echo, do: traced("POST", stream("hello"))},
	{name: "httptrace of interim answers", raw: always("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), do: traced("GET", nil)},
}

func repeat(n int, method string, body func() io.Reader) func(c *http.Client, url string, say say) {
	return func(c *http.Client, url string, say say) {
		for range n {
			var b io.Reader
			if body != nil {
				b = body()
			}
			req, _ := http.NewRequest(method, url, b)
			resp, err := c.Do(req)
			show(say, resp, err)
			settled()
		}
	}
}

// traced says what httptrace is told, but for what is told of idle connections.
func traced(method string, body func() io.Reader) func(c *http.Client, url string, say say) {
	return func(c *http.Client, url string, say say) {
		for range 2 {
			var mu sync.Mutex
			var list []string
			add := func(format string, args ...any) {
				mu.Lock()
				defer mu.Unlock()
				list = append(list, fmt.Sprintf(format, args...))
			}
			trace := &httptrace.ClientTrace{
				GetConn:              func(addr string) { add("GetConn %s", addr) },
				GotConn:              func(i httptrace.GotConnInfo) { add("GotConn %v %v %v", i.Reused, i.WasIdle, i.Conn.RemoteAddr()) },
				ConnectStart:         func(network, addr string) { add("ConnectStart %s %s", network, addr) },
				ConnectDone:          func(network, addr string, err error) { add("ConnectDone %s %s %v", network, addr, err) },
				WroteHeaders:         func() { add("WroteHeaders") },
				WroteRequest:         func(i httptrace.WroteRequestInfo) { add("WroteRequest %v", i.Err) },
				GotFirstResponseByte: func() { add("GotFirstResponseByte") },
				Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
					add("Got1xxResponse %d %v", code, h)
					return nil
				},
			}
			var b io.Reader
			if body != nil {
				b = body()
			}
			req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), method, url, b)
			resp, err := c.Do(req)
			show(say, resp, err)
			mu.Lock()
			for _, l := range list {
				say("%s", l)
			}
			mu.Unlock()
			settled()
		}
	}
}
