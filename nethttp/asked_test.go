// The tables of what is asked, and of the answers.

package nethttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

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
	{name: "a stream with a length of whole pieces", h: echo, do: askFor("POST", stream(long[:mostWritten]), func(r *http.Request) { r.ContentLength = mostWritten })},
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
	{name: "httptrace: what is written", set: settings{ExpectContinueTimeout: patience}, h: echo, do: func(c *http.Client, url string, say say) {
		for _, body := range []io.Reader{nil, strings.NewReader("hello"), stream("hello")()} {
			req, _ := http.NewRequest("POST", url, body)
			req.Header["X-Two"] = []string{"1", "2"}
			if body != nil {
				req.Header.Set("Expect", "100-continue")
			}
			var mu sync.Mutex
			var fields, events []string
			var waits bool // in net/http another goroutine may be told first that it goes on
			note := func(what string) { mu.Lock(); defer mu.Unlock(); events = append(events, what) }
			resp, err := c.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
				WroteHeaderField: func(key string, value []string) { fields = append(fields, fmt.Sprint(key, value)) },
				WroteHeaders:     func() { note("headers") },
				Wait100Continue:  func() { mu.Lock(); defer mu.Unlock(); waits = true },
				Got100Continue:   func() { note("continues") },
				WroteRequest:     func(i httptrace.WroteRequestInfo) { note(fmt.Sprint("written ", i.Err)) },
			})))
			if err != nil {
				say("%v", err)
				continue
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			mu.Lock()
			slices.Sort(fields)
			say("%v %v %v", fields, events, waits)
			mu.Unlock()
		}
	}},
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
		differs: "A space in a query, and bytes from 0x80 on, are percent-encoded; net/http sends them as they are."},
	{name: "a query with a space", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.URL.RawQuery = "a b" }),
		differs: "A space in a query, and bytes from 0x80 on, are percent-encoded; net/http sends them as they are."},
	{name: "a query with a line end", h: echo, do: func(c *http.Client, u string, say say) {
		req, _ := http.NewRequest("GET", u, nil)
		req.URL.RawQuery = "a\r\nX: y"
		resp, err := c.Do(req)
		say("%v %v", resp, err != nil)
	}},
	{name: "hosts that are not ASCII", h: echo, set: settings{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return nil, errors.New(addr)
	}}, do: func(c *http.Client, u string, say say) {
		for _, host := range []string{"bücher.example", "bücher.example:8080", "日本.example", "a\u00ad\u200b.example"} {
			_, err := c.Get("http://" + host + "/")
			say("%v", err)
		}
	}},
	{name: "a Host that is not ASCII", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.Host = "bücher.example" })},
	{name: "an opaque URL", h: echo, do: askFor("GET", nil, func(r *http.Request) { r.URL.Opaque = "/%2f/x" })},
	{name: "a trailer that frames", h: echo, do: askFor("POST", stream("hello"), func(r *http.Request) { r.Trailer = http.Header{"Transfer-Encoding": {"7"}} })},
	{name: "a trailer", h: echo, do: askFor("POST", stream("hello"), func(r *http.Request) { r.Trailer = http.Header{"X-Sum": {"7"}, "X-Other": {"1", "2"}} })},
	{name: "a trailer that is known at the end", h: echo, do: func(c *http.Client, url string, say say) {
		req, _ := http.NewRequest("POST", url, nil)
		req.Trailer = http.Header{"X-Sum": nil}
		req.Body = io.NopCloser(io.MultiReader(strings.NewReader("hello"), then(func() { req.Trailer.Set("X-Sum", "8") })))
		req.ContentLength = -1
		resp, err := c.Do(req)
		show(say, resp, err)
	}},
	{name: "a body that is closed before the request's end", h: echo, do: func(c *http.Client, url string, say say) {
		for _, length := range []int64{-1, 5} {
			req, _ := http.NewRequest("POST", url, nil)
			closed := 0 // Close comes before the answer can
			if length < 0 {
				req.Trailer = http.Header{"X-Sum": nil}
			}
			req.ContentLength, req.Body = length, &onClose{stream("hello")(), func() error {
				if closed++; length < 0 {
					req.Trailer.Set("X-Sum", "9")
				}
				return nil
			}}
			resp, err := c.Do(req)
			show(say, resp, err)
			say("closed %d times", closed)
		}
	}},
	{name: "a body whose Close fails", h: echo, do: func(c *http.Client, url string, say say) {
		for i, length := range []int64{-1, 5, -1} {
			req, _ := http.NewRequest([]string{"POST", "POST", "GET"}[i], url, nil)
			req.ContentLength, req.Body = length, &onClose{stream([]string{"hello", "hello", ""}[i])(), func() error { return io.ErrNoProgress }}
			resp, err := c.Do(req)
			say("%d %v %v", length, errors.Is(err, io.ErrNoProgress), err)
			if err == nil {
				resp.Body.Close()
			}
		}
	}},
	{name: "a body is closed when the error comes", raw: once(""), do: func(c *http.Client, url string, say say) {
		for _, url := range []string{"http://127.0.0.1:1", url} {
			closed := false
			_, err := c.Post(url, "", &onClose{stream("hello")(), func() error { closed = true; return nil }})
			say("%v, closed %v", err != nil, closed)
		}
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

// onClose calls fn to be closed.
type onClose struct {
	io.Reader
	fn func() error
}

func (c *onClose) Close() error { return c.fn() }

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
	{name: "no reason and no space", raw: always("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), do: askFor("GET", nil, nil)},
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
	{name: "a folded line", raw: always("HTTP/1.1 200 OK\r\nX-A: 1 \r\n\t 2\r\nContent-Length: 2\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "a folded trailer", raw: always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n0\r\nX-A: 1\r\n 2\r\n\r\n"), do: askFor("GET", nil, nil)},
	{name: "a length twice", raw: always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi"), do: askFor("GET", nil, nil)},
	{name: "a length and a coding", raw: once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"), do: askFor("GET", nil, nil), differs: strictAnswers},
	{name: "bare LF", raw: once("HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"), do: askFor("GET", nil, nil), differs: strictAnswers},
	{name: "a space before the colon", raw: once("HTTP/1.1 200 OK\r\nX-A : 2\r\nContent-Length: 2\r\n\r\nhi"), do: askFor("GET", nil, nil), differs: strictAnswers},
	{name: "HEAD, 1.0, chunked", raw: once("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), do: askFor("HEAD", nil, nil)},
	{name: "many trailer fields", raw: always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X-A: 1\r\n", 200) + "\r\n"), do: askFor("GET", nil, nil)},
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

const strictAnswers = "Answers are held to RFC 9112: bare LF, a space in front of a colon, Content-Length beside Transfer-Encoding are errors."
