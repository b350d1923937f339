// Transport beside http.Transport: what its documentation promises, each line of the
// tables run on both against the same server.

package nethttp

//lint:file-ignore SA1019 Request.Cancel is deprecated, and a RoundTripper may be given one all the same.

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

// settings are fields that both Transports have.
type settings struct {
	Proxy                  func(*http.Request) (*url.URL, error)
	DialContext            func(ctx context.Context, network, addr string) (net.Conn, error)
	TLSClientConfig        *tls.Config
	TLSHandshakeTimeout    time.Duration
	DisableKeepAlives      bool
	DisableCompression     bool
	MaxIdleConns           int
	MaxIdleConnsPerHost    int
	MaxConnsPerHost        int
	ResponseHeaderTimeout  time.Duration
	ExpectContinueTimeout  time.Duration
	MaxResponseHeaderBytes int64
	ProxyConnectHeader     http.Header
	GetProxyConnectHeader  func(ctx context.Context, proxyURL *url.URL, target string) (http.Header, error)
	OnProxyConnectResponse func(ctx context.Context, proxyURL *url.URL, connectReq *http.Request, connectRes *http.Response) error
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
				if a.name == "101" || a.name == "CONNECT" {
					needHandOver(t)
				}
				theirs, ours := a.on(t, &http.Transport{}), a.on(t, &Transport{})
				// What is cancelled after some time, or used again when it is idle, may come out otherwise on a busy machine.
				for end := time.Now().Add(patience); (theirs == ours) != (a.differs == "") && time.Now().Before(end); {
					theirs, ours = a.on(t, &http.Transport{}), a.on(t, &Transport{})
				}
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
		s := loopback.HTTP(h)
		t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
		return s.URL
	}
	ln := loopback.Listen(t)
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

// kind returns what callers look for in an error.
func kind(err error) string {
	var n net.Error
	for _, k := range []struct {
		err  error
		text string
	}{{context.Canceled, "canceled"}, {context.DeadlineExceeded, "deadline"}, {os.ErrDeadlineExceeded, "timeout"}, {io.ErrUnexpectedEOF, "unexpected EOF"},
		{io.EOF, "EOF"}, {syscall.ECONNRESET, "reset"}, {syscall.ECONNREFUSED, "refused"}} {
		if native(err, k.err) && !(k.err == io.ErrUnexpectedEOF && errors.Is(err, io.EOF)) {
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
