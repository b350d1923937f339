// Handlers beside those of net/http's own server: what its documentation promises, each
// line of the tables run on both by the same raw client.

package nethttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// A promise is a line of the tables. differs says how we are different, and
// why, in the words of docs/nethttp.md; empty: not at all.
type promise struct {
	name    string
	in      string // what the client sends; then it reads the answer
	then    func(c *caller)
	h       func(w http.ResponseWriter, r *http.Request, say say)
	timed   bool // h sets a time, which may be over too soon where the machine is busy: it is tried again
	differs string
}

// say notes what a handler has seen.
type say func(format string, args ...any)

func TestPromises(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/nethttp.md")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(string(doc)), " ")
	for name, table := range map[string][]promise{"answers": answerPromises, "requests": requestPromises, "connections": connectionPromises, "switches": switchPromises, "framing": framingPromises} {
		for _, p := range table {
			for _, secure := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s, TLS %v", name, p.name, secure), func(t *testing.T) {
					t.Parallel()
					if name == "switches" || strings.Contains(p.name, "ijack") {
						needHandOver(t)
					}
					theirs, ours, handedOver := p.onNetHTTP(t, secure), p.onOurs(t, secure, time.Hour), p.onOurs(t, secure, 0)
					for end := time.Now().Add(patience); p.timed && (theirs != ours || handedOver != ours) && time.Now().Before(end); {
						theirs, ours, handedOver = p.onNetHTTP(t, secure), p.onOurs(t, secure, time.Hour), p.onOurs(t, secure, 0)
					}
					if handedOver != ours {
						t.Errorf("called by the loop:\n%s\nby the pool:\n%s", ours, handedOver)
					}
					switch {
					case p.differs == "" && theirs != ours:
						t.Errorf("net/http:\n%s\nlurcher:\n%s", theirs, ours)
					case p.differs != "" && theirs == ours:
						t.Errorf("it is listed as different, and is not:\n%s", ours)
					case p.differs != "":
						t.Logf("%s\nnet/http:\n%s\nlurcher:\n%s", p.differs, theirs, ours)
						if !strings.Contains(words, p.differs) {
							t.Errorf("docs/nethttp.md does not say %q", p.differs)
						}
					}
				})
			}
		}
	}
}

func (p promise) onNetHTTP(t *testing.T, secure bool) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, n := new(script), new(sync.WaitGroup)
	srv := &http.Server{Handler: s.handler(p, n), ErrorLog: log.New(io.Discard, "", 0)}
	defer srv.Close()
	if secure {
		srv.TLSConfig = loopback.Example().Config()
		go srv.ServeTLS(ln, "", "")
		s.play(p, mustDialTLS(t, ln.Addr(), loopback.Example().Config()))
	} else {
		go srv.Serve(ln)
		s.play(p, dial(t, ln.Addr()))
	}
	s.rest(t, n, srv)
	return s.String()
}

// onOurs calls handlers on the loop, or with quick 0 on goroutines of the pool.
func (p promise) onOurs(t *testing.T, secure bool, quick time.Duration) string {
	s, n := new(script), new(sync.WaitGroup)
	a := newAdapter(s.handler(p, n), 4)
	a.quick, a.wary = quick, 0
	h := a.serve
	var srv *rig
	if secure {
		var addr net.Addr
		srv, addr = startTLS(t, &server.Server{}, h)
		s.play(p, mustDialTLS(t, addr, loopback.Example().Config()))
	} else {
		srv = start(t, &server.Server{}, h)
		s.play(p, dial(t, srv.addr))
	}
	s.rest(t, n, srv)
	srv.logs.Take()
	return s.String()
}

// rest waits for the handlers, those that hijacked too. One that the client does
// not wait for may begin after its answer: Shutdown waits for it.
func (s *script) rest(t *testing.T, n *sync.WaitGroup, srv interface{ Shutdown(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	n.Wait()
}

// A script is what the client has read, and then what the handler has said.
type script struct {
	mu         sync.Mutex
	read, said bytes.Buffer
	addr       string
}

func (s *script) String() string {
	text := s.read.String() + s.said.String()
	text = strings.ReplaceAll(text, s.addr, "SERVER")
	return regexp.MustCompile(`\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT`).ReplaceAllString(text, "DATE")
}

// handler returns the promise's handler, which also answers what the client asks after it.
func (s *script) handler(p promise, n *sync.WaitGroup) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/behind" {
			io.WriteString(w, "the connection goes on")
			return
		}
		n.Add(1)
		defer n.Done()
		p.h(w, r, func(format string, args ...any) {
			s.mu.Lock()
			defer s.mu.Unlock()
			fmt.Fprintf(&s.said, "said: "+format+"\n", args...)
		})
	})
}

// play sends the request, reads the answer, and looks whether the connection
// goes on.
func (s *script) play(p promise, c *caller) {
	defer c.Close()
	s.addr = c.RemoteAddr().String()
	c.Send(p.in)
	if p.then != nil {
		p.then(c)
	}
	method, _, _ := strings.Cut(p.in, " ")
	if !s.answer(c, method) {
		return
	}
	io.WriteString(c, get("/behind", "Connection: close"))
	s.answer(c, "GET")
}

// answer reads one answer, 1xx included, and notes it.
func (s *script) answer(c *caller, method string) bool {
	resp, err := http.ReadResponse(c.In, &http.Request{Method: method})
	switch {
	case os.IsTimeout(err):
		c.T.Error("no answer")
		return false
	case err != nil:
		fmt.Fprintln(&s.read, "the connection is closed")
		return false
	}
	fmt.Fprintln(&s.read, resp.Proto, resp.Status)
	for _, k := range slices.Sorted(maps.Keys(resp.Header)) {
		if values := resp.Header[k]; k != "Date" || len(values) > 1 {
			fmt.Fprintf(&s.read, "\t%s: %q\n", k, values)
		} else if _, err := http.ParseTime(values[0]); err != nil {
			fmt.Fprintf(&s.read, "\tDate: %s\n", values[0])
		}
	}
	fmt.Fprintln(&s.read, "\tlength", resp.ContentLength, "coding", resp.TransferEncoding, "close", resp.Close, "date", resp.Header.Get("Date") != "")
	if resp.StatusCode < 200 && resp.StatusCode != 101 {
		return s.answer(c, method)
	}
	body, err := io.ReadAll(resp.Body)
	if len(body) > 400 {
		body = fmt.Appendf(body[:40:40], "... %d bytes, sum %d", len(body), sum(body))
	}
	fmt.Fprintf(&s.read, "\tbody %q %v\n", body, cause(err))
	for _, k := range slices.Sorted(maps.Keys(resp.Trailer)) {
		fmt.Fprintf(&s.read, "\ttrailer %s: %q\n", k, resp.Trailer[k])
	}
	return err == nil
}

// cause is an error without where it happened: a reset is as good an end as any
// to what was cut off.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && !op.Timeout() {
		return io.ErrUnexpectedEOF
	}
	return err
}

func sum(p []byte) (n uint32) {
	for _, b := range p {
		n = n*31 + uint32(b)
	}
	return n
}

var long = string(loopback.Pattern(100 << 10))

var answerPromises = []promise{
	{name: "a small answer has its length and a sniffed type", in: get("/"), h: write("<html>hi")},
	{name: "an empty answer has length 0", in: get("/"), h: write()},
	{name: "2048 bytes are small", in: get("/"), h: write(long[:2048])},
	{name: "2049 are not", in: get("/"), h: write(long[:2049])},
	{name: "small pieces make a small answer", in: get("/"), h: write("a", long[:1000], "b", "")},
	{name: "a small piece and a large one", in: get("/"), h: write("<b>", long)},
	{name: "many pieces", in: get("/"), h: write(slices.Repeat([]string{long[:777]}, 300)...)},
	{name: "one large piece", in: get("/"), h: write(strings.Repeat(long, 5))},
	{name: "a length that the handler says", in: get("/"), h: with(map[string]string{"Content-Length": "102400"}, write(long))},
	{name: "more than that is an error", in: get("/"), h: with(map[string]string{"Content-Length": "3"}, write("abc", "d"))},
	{name: "less than that closes", in: get("/"), h: with(map[string]string{"Content-Length": "10"}, write("abc"))},
	{name: "less than that, in a large answer", in: get("/"), h: with(map[string]string{"Content-Length": "1024000"}, write(long))},
	{name: "a length that is none is ignored", in: get("/"), h: with(map[string]string{"Content-Length": "x"}, write("abc"))},
	{name: "HEAD", in: request("HEAD", "/"), h: write("<html>hi")},
	{name: "HEAD, nothing written", in: request("HEAD", "/"), h: write()},
	{name: "HEAD, a large answer", in: request("HEAD", "/"), h: write(long)},
	{name: "HEAD, flushed", in: request("HEAD", "/"), h: flush("a", "b")},
	{name: "HEAD, with a length", in: request("HEAD", "/"), h: with(map[string]string{"Content-Length": "77"}, write())},
	{name: "HEAD, with a length, more written", in: request("HEAD", "/"), h: with(map[string]string{"Content-Length": "3"}, write("abc", "d"))},
	{name: "HEAD, with a length, more written, flushed", in: request("HEAD", "/"), h: with(map[string]string{"Content-Length": "3"}, flush("ab", "cd"))},
	{name: "205 has no body", in: get("/"), h: status(205, write("x")),
		differs: "A 205 has no content, and is sent with Content-Length: 0 (RFC 9110 15.3.6)."},
	{name: "control characters in a value", in: get("/"), h: with(map[string]string{"X-A": "a\x01b\x00c\x7fd"}, write("x")),
		differs: "Control characters in a value are sent as spaces, as CR and LF are by net/http."},
	{name: "201", in: get("/"), h: status(201, write("made"))},
	{name: "204 has no body", in: get("/"), h: status(204, write("x"))},
	{name: "204 has no length", in: get("/"), h: with(map[string]string{"Content-Length": "5"}, status(204, write()))},
	{name: "304 has neither body nor type", in: get("/"), h: with(map[string]string{"Content-Type": "a/b", "Content-Length": "5", "Etag": `"x"`}, status(304, write("x")))},
	{name: "500", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) { http.Error(w, "sorry", 500) }},
	{name: "a status without a name", in: get("/"), h: status(799, write("x")),
		differs: "A status that has no name is sent without one; net/http makes one of it: `799 status code 799`."},
	{name: "the first WriteHeader counts", in: get("/"), h: status(404, status(200, write("x")))},
	{name: "a status that is none panics", in: get("/"), h: status(99, write("x"))},
	{name: "fields after WriteHeader do not count", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.Header().Set("X-Before", "1")
		w.WriteHeader(202)
		w.Header().Set("X-Before", "2")
		w.Header().Set("X-After", "1")
		io.WriteString(w, "x")
	}},
	{name: "fields after a Write do not count", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		io.WriteString(w, "x")
		w.Header().Set("X-After", "1")
	}},
	{name: "a type that is nil is not sniffed", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "<html>")
	}},
	{name: "an encoded body is not sniffed", in: get("/"), h: with(map[string]string{"Content-Encoding": "gzip"}, write("<html>"))},
	{name: "the handler's Date", in: get("/"), h: with(map[string]string{"Date": "yesterday"}, write("x"))},
	{name: "no Date", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.Header()["Date"] = nil
		io.WriteString(w, "x")
	}},
	{name: "several cookies", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
	}},
	{name: "a line end in a value is a space", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.Header().Set("X-A", " one\r\nX-B: two\n")
	}},
	{name: "a name that is none is dropped", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.Header()["X A"] = []string{"1"}
		w.Header()[""] = []string{"1"}
		w.Header()["X-A:"] = []string{"1"}
	}},
	{name: "Flush sends what there is", in: get("/"), h: flush("a", "b", "c")},
	{name: "Flush sends the head alone", in: get("/"), h: flush()},
	{name: "Flush before the first Write: nothing to sniff", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.(http.Flusher).Flush()
		io.WriteString(w, "<html>")
	}},
	{name: "103 with its fields, and then the answer", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(103)
		w.Header().Set("X-Last", "1")
		w.WriteHeader(103)
		w.WriteHeader(103)
		io.WriteString(w, "x")
	}},
	{name: "100 by the handler", in: post("/", "abc"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		w.WriteHeader(100)
		read(w, r, say)
	}},
	{name: "101 without a hijack", in: get("/"), h: status(101, write()),
		differs: "A 101 that is not followed by Hijack is the handler's mistake and answered with 500: behind a 101 the bytes are no longer HTTP."},
	{name: "Transfer-Encoding: identity ends with the connection", in: get("/"), h: with(map[string]string{"Transfer-Encoding": "identity"}, write("x"))},
	{name: "Transfer-Encoding: chunked, said by the handler", in: get("/"), h: with(map[string]string{"Transfer-Encoding": "chunked"}, write("x"))},
	{name: "Connection: close by the handler", in: get("/"), h: with(map[string]string{"Connection": "close"}, write("x"))},
	{name: "another Connection field is kept", in: get("/"), h: with(map[string]string{"Connection": "X-A", "X-A": "1"}, write("x"))},
	{name: "trailers that were announced", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.Header().Set("Trailer", "X-Sum, x-other")
		w.Header().Add("Trailer", "X-None, Content-Length")
		io.WriteString(w, "x")
		w.Header().Set("X-Sum", "7")
		w.Header().Add("X-Other", "8")
		w.Header().Add("X-Other", "9")
		w.Header().Set("X-Unsaid", "8")
	}},
	{name: "trailers with TrailerPrefix", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		io.WriteString(w, long)
		w.Header().Set(http.TrailerPrefix+"X-Sum", "7")
	}},
	{name: "trailers with TrailerPrefix, before a small answer", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.Header().Set(http.TrailerPrefix+"X-Sum", "7")
		io.WriteString(w, "x")
	}},
	{name: "trailers of an answer with a length are dropped", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		w.Header().Set("Content-Length", "1")
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "x")
		w.Header().Set("X-Sum", "7")
	}},
	{name: "io.Copy from a reader", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		n, err := io.Copy(w, strings.NewReader(long))
		say("%d %v", n, err)
		m, err := w.(io.ReaderFrom).ReadFrom(io.LimitReader(strings.NewReader(long), 10))
		say("%d %v", m, err)
	}},
	{name: "io.Copy of little", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		io.Copy(w, io.LimitReader(strings.NewReader("<html>"), 100))
	}},
	{name: "what a ResponseWriter can do", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		_, flusher := w.(http.Flusher)
		_, hijacker := w.(http.Hijacker)
		_, readerFrom := w.(io.ReaderFrom)
		_, stringWriter := w.(io.StringWriter)
		_, closeNotifier := w.(interface{ CloseNotify() <-chan bool })
		say("%v %v %v %v %v", flusher, hijacker, readerFrom, stringWriter, closeNotifier)
	}},
	{name: "http.Redirect", in: get("/a/b"), h: func(w http.ResponseWriter, r *http.Request, _ say) { http.Redirect(w, r, "../c?d", http.StatusFound) }},
	{name: "http.TimeoutHandler", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, _ say) {
		http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), time.Millisecond, "late").ServeHTTP(w, r)
	}},
}

// write writes the pieces, and says what failed.
func write(pieces ...string) func(w http.ResponseWriter, r *http.Request, say say) {
	return func(w http.ResponseWriter, r *http.Request, say say) {
		for i, p := range pieces {
			if n, err := io.WriteString(w, p); err != nil || n != len(p) {
				say("piece %d: %d %v", i, n, err)
			}
		}
	}
}

// flush writes the pieces, with a Flush after each.
func flush(pieces ...string) func(w http.ResponseWriter, r *http.Request, say say) {
	return func(w http.ResponseWriter, r *http.Request, say say) {
		for _, p := range append(pieces, "") {
			write(p)(w, r, say)
			if err := http.NewResponseController(w).Flush(); err != nil {
				say("Flush: %v", err)
			}
		}
	}
}

func with(fields map[string]string, h func(w http.ResponseWriter, r *http.Request, say say)) func(w http.ResponseWriter, r *http.Request, say say) {
	return func(w http.ResponseWriter, r *http.Request, say say) {
		for k, v := range fields {
			w.Header().Set(k, v)
		}
		h(w, r, say)
	}
}

func status(code int, h func(w http.ResponseWriter, r *http.Request, say say)) func(w http.ResponseWriter, r *http.Request, say say) {
	return func(w http.ResponseWriter, r *http.Request, say say) {
		w.WriteHeader(code)
		h(w, r, say)
	}
}

// read reads the body, and says what it was.
func read(w http.ResponseWriter, r *http.Request, say say) {
	b, err := io.ReadAll(r.Body)
	say("%d bytes, sum %d, %v, trailer %v", len(b), sum(b), err, r.Trailer)
	fmt.Fprintf(w, "%d bytes", len(b))
}
