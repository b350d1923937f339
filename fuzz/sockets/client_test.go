// A hostile upstream: the client is held to the reference parser's reading of what it
// is sent, and to that of net/http's Transport where both take it.

package sockets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/fuzz"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/parser"
	"github.com/lurcher-net/lurcher/poller"
)

// An upstream answers each connection's first request with what is set, in pieces,
// and closes.
type upstream struct {
	url    string
	mu     sync.Mutex
	pieces [][]byte
}

func newUpstream(t testing.TB) *upstream {
	u := new(upstream)
	u.url = "http://" + loopback.Serve(t, u.answer).String() + "/"
	return u
}

func (u *upstream) answer(p *loopback.Peer) {
	p.SetDeadline(time.Now().Add(loopback.Patience))
	if p.Head() == "" {
		return
	}
	u.mu.Lock()
	pieces := u.pieces
	u.mu.Unlock()
	for _, b := range pieces {
		p.Write(b)
	}
}

func (u *upstream) set(pieces [][]byte) {
	u.mu.Lock()
	u.pieces = pieces
	u.mu.Unlock()
}

// A reading is what a client made of an answer.
type reading struct {
	status int
	fields []fuzz.Field
	body   string
	err    error
}

// An asker asks by package client.
type asker struct {
	loop *conn.Loop
	pool *client.Pool
}

func newAsker(t testing.TB) *asker {
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	l.Ref()
	a := &asker{loop: l, pool: (&client.Client{MaxInterim: 1000, MaxHead: 1 << 20, MaxFields: 1000}).On(l)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return a
}

func (a *asker) ask(method, url string) reading {
	ch := make(chan reading, 2)
	a.loop.Post(func() {
		a.pool.CloseIdle() // what is still to come after an answer would answer this
		q := a.pool.Request(method, url)
		q.Do(func(r client.Response, err error) {
			got := reading{status: r.Status(), err: err}
			if err != nil {
				ch <- got
				return
			}
			for name, value := range r.All() {
				got.fields = append(got.fields, fuzz.Field{Name: string(name), Value: string(value)})
			}
			r.Stream(func(p []byte, err error) {
				got.body += string(p)
				if err != nil {
					if err != io.EOF {
						got.err = err
					}
					ch <- got
				}
			})
		})
		q.End("")
	})
	return <-ch
}

// askHTTP asks by net/http.
func askHTTP(tr *http.Transport, method, url string) reading {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		return reading{err: err}
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return reading{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	got := reading{status: resp.StatusCode, body: string(body), err: err}
	for name, values := range resp.Header {
		for _, v := range values {
			got.fields = append(got.fields, fuzz.Field{Name: name, Value: v})
		}
	}
	return got
}

// strictly returns the reference parser's reading of what an upstream sends before it
// closes: interim answers are skipped.
func strictly(wire []byte, method string) reading {
	for {
		m, n, err := fuzz.ReadResponse(wire, method, true)
		switch {
		case err != nil:
			return reading{status: m.Status, body: m.Body, err: err}
		case m.Status/100 == 1 && m.Status != 101:
			wire = wire[n:]
			continue
		case m.Status == 101:
			return reading{err: client.ErrUpgraded}
		}
		return reading{status: m.Status, fields: m.Fields, body: m.Body}
	}
}

// same is where two readings part, or "".
func same(a, b reading) string {
	switch {
	case (a.err == nil) != (b.err == nil):
		return fmt.Sprintf("%v and %v", a.err, b.err)
	case a.err != nil:
		return ""
	case a.status != b.status:
		return fmt.Sprintf("status %d and %d", a.status, b.status)
	case a.body != b.body:
		return fmt.Sprintf("body %q and %q", a.body, b.body)
	}
	return ""
}

// wires makes n answers, well formed and not, with the method that each answers.
func wires(g *fuzz.Gen, n int, fn func(i int, method string, wire []byte, how string)) {
	for i := range n {
		wire, m := g.Response()
		how := "well formed"
		for range i % 3 {
			wire, how = g.Mutate(wire)
		}
		method := "GET"
		if m.Method == "HEAD" {
			method = "HEAD"
		}
		fn(i, method, wire, how)
	}
}

// TestClient holds the client to the reference parser.
func TestClient(t *testing.T) {
	t.Parallel()
	n := 6000
	if testing.Short() {
		n = 600
	}
	u, a := newUpstream(t), newAsker(t)
	url := u.url
	g := fuzz.New(15)
	taken := 0
	wires(g, n, func(i int, method string, wire []byte, how string) {
		u.set(g.Split(wire))
		got, want := a.ask(method, url), strictly(wire, method)
		var rule *fuzz.Refusal
		if got.err == nil && errors.As(want.err, &rule) && slices.Contains(repaired, rule.Rule) {
			return // TestClientBesideNetHTTP compares what comes of it
		}
		d := same(got, want)
		if d == "" && got.err == nil {
			if taken++; !slices.Equal(got.fields, want.fields) {
				d = fmt.Sprintf("fields %q and %q", got.fields, want.fields)
			}
		}
		if d != "" {
			t.Fatalf("%d, %s, %s: %s\n%q", i, method, how, d, wire)
		}
		var e *client.Error
		if got.err != nil && !errors.As(got.err, &e) {
			t.Fatalf("%d: a %T: %v", i, got.err, got.err)
		}
	})
	if taken < n/10 || taken == n {
		t.Errorf("%d of %d were taken", taken, n)
	}
}

// repaired are the rules by which the reference refuses some of what the client repairs: see parser.Response.
var repaired = []string{
	"RFC 9112 §2.2, §5.2: a line that begins with whitespace",
	"RFC 9112 §6.3: Content-Length twice",
	"RFC 9110 §8.6: Content-Length is 1*DIGIT, and no more than fits 63 bits",
	"RFC 9112 §7.1.1: whitespace without an extension",
}

// stricter says why the client refuses what net/http's Transport takes.
var stricter = map[error]string{
	parser.ErrLineEnd:     "RFC 9112 2.2: net/http takes a bare LF",
	parser.ErrFold:        "RFC 9112 2.2: net/http takes whitespace before the first field",
	parser.ErrName:        "RFC 9112 5.1: net/http takes spaces in and behind names, and drops lines",
	parser.ErrValue:       "RFC 9110 5.5: net/http takes control characters in answers' values",
	parser.ErrStatus:      "RFC 9112 4: net/http takes a status line of other shape",
	parser.ErrVersion:     "RFC 9112 2.3: net/http takes other versions",
	parser.ErrMajor:       "RFC 9112 2.3: net/http takes other versions",
	parser.ErrLength:      "RFC 9112 6.3: net/http takes a Content-Length of odd shape",
	parser.ErrLengthTwice: "RFC 9112 6.3: net/http takes Content-Lengths that are not equal",
	parser.ErrBothFraming: "RFC 9112 6.1: net/http ignores Content-Length beside Transfer-Encoding",
	parser.ErrCodingMinor: "RFC 9112 6.1: net/http ignores Transfer-Encoding in HTTP/1.0",
	parser.ErrCoding:      "RFC 9112 6.3: net/http takes Transfer-Encoding of odd shape",
	parser.ErrCodingOther: "RFC 9112 6.1: net/http takes unknown codings",
	parser.ErrChunkSize:   "RFC 9112 7.1: net/http takes a chunk-size of odd shape",
	parser.ErrChunkExt:    "RFC 9112 7.1.1: net/http reads no chunk extensions",
	parser.ErrChunkEnd:    "RFC 9112 7.1: net/http takes a bare LF",
	parser.ErrEmptyLines:  "RFC 9112 2.2: net/http skips lines",
}

// looser says why net/http's Transport refuses what the client takes, by a part of
// its error.
var looser = []struct{ part, why string }{
	{"invalid byte in chunk length", "RFC 9112 7.1.1: net/http knows no whitespace before a chunk extension"},
	{"chunk length too large", "RFC 9112 7.1: net/http takes 16 digits at most"},
	{"unsupported transfer encoding", "RFC 9112 6.3: net/http looks at the coding of an answer that has no body, and refuses empty list members"},
	{"too many transfer encodings", "RFC 9112 6.3: net/http looks at the coding of an answer that has no body"},
	{"Content-Length", "RFC 9112 6.3: net/http looks at the length of an answer that has no body"},
}

// TestClientBesideNetHTTP: what both take they read alike, and what one refuses is
// listed by rule.
func TestClientBesideNetHTTP(t *testing.T) {
	t.Parallel()
	n := 4000
	if testing.Short() {
		n = 400
	}
	u, a := newUpstream(t), newAsker(t)
	url := u.url
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	g := fuzz.New(16)
	both, reasons := 0, map[string]int{}
	wires(g, n, func(i int, method string, wire []byte, how string) {
		u.set(g.Split(wire))
		got, other := a.ask(method, url), askHTTP(tr, method, url)
		switch {
		case got.err == nil && other.err == nil:
			both++
			if d := same(got, other); d != "" {
				t.Fatalf("%d, %s, %s: %s\n%q", i, method, how, d, wire)
			}
		case got.err == nil:
			reasons[reasonOf(t, i, wire, other.err)]++
		case other.err == nil:
			var e parser.Error
			why := "101, which nobody asked for"
			switch {
			case errors.As(got.err, &e) && stricter[e] != "":
				why = stricter[e]
			case errors.Is(got.err, io.ErrUnexpectedEOF):
				why = "cut off for us: " + fmt.Sprint(other.status)
				t.Errorf("%d, %s, %s: %v, and net/http has %+v\n%q", i, method, how, got.err, other, wire)
			case !errors.Is(got.err, client.ErrUpgraded):
				t.Errorf("%d, %s, %s: %v, and net/http has %+v\n%q", i, method, how, got.err, other, wire)
			}
			reasons[why]++
		}
	})
	t.Logf("%d read alike", both)
	for why, n := range reasons {
		t.Logf("%d: %s", n, why)
	}
}

func reasonOf(t *testing.T, i int, wire []byte, err error) string {
	for _, l := range looser {
		if strings.Contains(err.Error(), l.part) {
			return l.why
		}
	}
	t.Errorf("%d: net/http refuses by %v\n%q", i, err, wire)
	return ""
}
