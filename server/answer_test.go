// What the server writes, byte by byte: heads, framing, and what programs may
// and may not set.

package server

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

var dateLine = regexp.MustCompile(`\r\nDate: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT\r\n`)

// raw returns all that the server sends for in, with D in place of the date.
func (r *rig) raw(t *testing.T, in string) string {
	t.Helper()
	c := dial(t, r.addr)
	c.Send(in)
	c.FIN()
	all, err := io.ReadAll(c.In)
	if err != nil {
		t.Fatal(err)
	}
	return dateLine.ReplaceAllString(string(all), "\r\nDate: D\r\n")
}

const (
	ok      = "HTTP/1.1 200 OK\r\nDate: D\r\n"
	toClose = "Connection: close\r\n"
	toKeep  = "Connection: keep-alive\r\n"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	head := request("HEAD", "/")
	old := "GET / HTTP/1.0\r\n\r\n"
	oldKeep := "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	end := func(w Response, r Request) { w.End("hi\n") }
	write := func(w Response, r Request) { w.WriteString("hi\n"); w.WriteString("ho\n"); w.End("") }
	declared := func(w Response, r Request) { w.Set("Content-Length", "6"); write(w, r) }
	status := func(code int, body string) Handler {
		return func(w Response, r Request) { w.Status(code); w.End(body) }
	}
	for _, c := range []struct {
		name   string
		h      Handler
		in     string
		answer string
	}{
		{"whole", end, get("/"), ok + "Content-Length: 3\r\n\r\nhi\n"},
		{"empty", status(200, ""), get("/"), ok + "Content-Length: 0\r\n\r\n"},
		{"whole, and close", end, get("/", "Connection: close"), ok + "Content-Length: 3\r\n" + toClose + "\r\nhi\n"},
		{"row 11, whole to 1.0", end, old, ok + "Content-Length: 3\r\n" + toClose + "\r\nhi\n"},
		{"row 63, whole to 1.0 that keeps", end, oldKeep, ok + "Content-Length: 3\r\n" + toKeep + "\r\nhi\n"},
		{"in parts", write, get("/"), ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhi\n\r\n3\r\nho\n\r\n0\r\n\r\n"},
		{"row 64, in parts to 1.0", write, oldKeep, ok + toClose + "\r\nhi\nho\n"},
		{"in parts of a length", declared, get("/"), ok + "Content-Length: 6\r\n\r\nhi\nho\n"},
		{"in parts of a length to 1.0", declared, oldKeep, ok + "Content-Length: 6\r\n" + toKeep + "\r\nhi\nho\n"},
		{"row 71, HEAD, whole", end, head, ok + "Content-Length: 3\r\n\r\n"},
		{"row 71, HEAD, in parts", write, head, ok + "Transfer-Encoding: chunked\r\n\r\n"},
		{"row 71, HEAD, in parts of a length", declared, head, ok + "Content-Length: 6\r\n\r\n"},
		{"HEAD, the length only", func(w Response, r Request) { w.Set("Content-Length", "6"); w.End("") }, head, ok + "Content-Length: 6\r\n\r\n"},
		{"row 65, 204", status(204, ""), get("/"), "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n"},
		{"row 65, 304", status(304, ""), get("/"), "HTTP/1.1 304 Not Modified\r\nDate: D\r\n\r\n"},
		{"row 65, 304 with the length that GET has", func(w Response, r Request) { w.Status(304); w.Set("Content-Length", "6"); w.End("") },
			get("/"), "HTTP/1.1 304 Not Modified\r\nDate: D\r\nContent-Length: 6\r\n\r\n"},
		{"row 73, no reason phrase", status(299, ""), get("/"), "HTTP/1.1 299 \r\nDate: D\r\nContent-Length: 0\r\n\r\n"},
		{"the largest status", status(999, ""), get("/"), "HTTP/1.1 999 \r\nDate: D\r\nContent-Length: 0\r\n\r\n"},
		{"row 61, close by the program", func(w Response, r Request) { w.Set("Connection", "foo, Close"); w.End("") },
			get("/") + get("/no"), ok + "Content-Length: 0\r\nConnection: close, foo\r\n\r\n"},
		{"row 72, Date by the program", func(w Response, r Request) { w.Set("Date", "x"); w.Add("date", "then"); w.End("") },
			get("/"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\ndate: then\r\n\r\n"},
		{"fields", func(w Response, r Request) {
			w.Set("A", "1")
			w.Add("B", " 2\t")
			w.Add("b", "3")
			w.Set("a", "4")
			w.Set("C", "")
			w.End("")
		}, get("/"), ok + "Content-Length: 0\r\nB: 2\r\nb: 3\r\na: 4\r\nC: \r\n\r\n"},
		{"SendFile", func(w Response, r Request) { w.SendFile(file(t, "0123456789"), 2, 5); w.End("") },
			get("/"), ok + "Content-Length: 5\r\n\r\n23456"},
		{"SendFile among parts", func(w Response, r Request) {
			w.WriteString("a")
			w.SendFile(file(t, "0123456789"), 0, 10)
			w.SendFile(file(t, "0123456789"), 0, 0)
			w.End("b")
		}, get("/"), ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\na\r\n0123456789\r\n1\r\nb\r\n0\r\n\r\n"},
		{"SendFile to HEAD", func(w Response, r Request) { w.SendFile(file(t, "0123456789"), 2, 5); w.End("") },
			head, ok + "Content-Length: 5\r\n\r\n"},
		{"SendFile of nothing", func(w Response, r Request) { w.SendFile(file(t, ""), 0, 0); w.End("") },
			get("/"), ok + "Content-Length: 0\r\n\r\n"},
		{"SendShared", func(w Response, r Request) { w.SendShared(shared(t, "0123456789"), 2, 5); w.End("") },
			get("/"), ok + "Content-Length: 5\r\n\r\n23456"},
		{"SendShared among parts", func(w Response, r Request) {
			f := shared(t, "0123456789")
			w.WriteString("a")
			w.SendShared(f, 0, 10)
			w.SendShared(f, 0, 0)
			w.SendShared(f, 9, 1)
			w.End("b")
		}, get("/"), ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\na\r\n0123456789\r\n1\r\n9\r\n1\r\nb\r\n0\r\n\r\n"},
		{"SendShared to HEAD", func(w Response, r Request) { w.SendShared(shared(t, "0123456789"), 2, 5); w.End("") },
			head, ok + "Content-Length: 5\r\n\r\n"},
		{"SendShared of a file that is closed, among parts", func(w Response, r Request) {
			f := shared(t, "0123456789")
			w.WriteString("a")
			f.Close()
			if err := w.SendShared(f, 0, 10); err != os.ErrClosed || !errors.Is(w.End("b"), net.ErrClosed) {
				t.Error(err)
			}
		}, get("/"), ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\na\r\n"}, // half of it, and the end
		{"a refusal", end, get("/", "A b"), "HTTP/1.1 400 Bad Request\r\nDate: D\r\nContent-Type: text/plain; charset=utf-8\r\n" +
			"Connection: close\r\nContent-Length: 38\r\n\r\n400 Bad Request: malformed field name\n"},
		{"row 71, a refusal of HEAD", end, request("HEAD", "/", "Expect: tea"), "HTTP/1.1 417 Expectation Failed\r\nDate: D\r\nContent-Type: text/plain; charset=utf-8\r\n" +
			"Connection: close\r\nContent-Length: 70\r\n\r\n"},
		{"row 66, a long body that is not read", end, request("POST", "/", "Content-Length: 1000000") + "hi",
			ok + "Content-Length: 3\r\n" + toClose + "\r\nhi\n"},
		{"row 66, a short body that is not read", end, post("/", "hi") + last,
			ok + "Content-Length: 3\r\n\r\nhi\n" + ok + "Content-Length: 3\r\n" + toClose + "\r\nhi\n"},
		{"row 66, a body that is not read, nor to come", end, request("POST", "/", "Content-Length: 2", "Expect: 100-continue"),
			ok + "Content-Length: 3\r\n" + toClose + "\r\nhi\n"},
		{"row 75, a body that is asked for", func(w Response, r Request) { w.Continue(); w.Continue(); w.End("") },
			request("POST", "/", "Content-Length: 2", "Expect: 100-continue"), "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n"},
		{"row 77, no 100 to 1.0", func(w Response, r Request) { w.Continue(); w.End("") },
			"POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", ok + "Content-Length: 0\r\n" + toClose + "\r\n"},
		{"row 76, no 100 behind the answer's head", func(w Response, r Request) { w.WriteString("a"); w.Continue(); w.End("") },
			request("POST", "/", "Content-Length: 2", "Expect: 100-continue"), ok + "Transfer-Encoding: chunked\r\n" + toClose + "\r\n1\r\na\r\n0\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, &Server{}, c.h)
			if got := r.raw(t, c.in); got != c.answer {
				t.Errorf("answered\n%q, want\n%q", got, c.answer)
			}
		})
	}
}

// shared is file for SendShared.
func shared(t *testing.T, content string) *conn.File {
	f := conn.NewFile(file(t, content))
	t.Cleanup(func() { f.Close() })
	return f
}

// file returns an open file with that content; SendFile closes it.
func file(t *testing.T, content string) *os.File {
	name := filepath.Join(loopback.TempDir(t), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Error(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Error(err)
	}
	return f
}

// TestMisuse is what programs are told about their mistakes, and what the
// client gets: never half a message that passes for a whole one.
func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		in     string
		h      func(w Response) error
		err    error
		answer string // in short; empty: none, or half of one
	}{
		{"row 73, CR LF in a value", get("/"), func(w Response) error { return w.Set("A", "b\r\nC: d") }, ErrField, "200"},
		{"row 73, CR in a value", get("/"), func(w Response) error { return w.Add("A", "b\rc") }, ErrField, "200"},
		{"row 73, LF in a value", get("/"), func(w Response) error { return w.Set("A", "b\nc") }, ErrField, "200"},
		{"row 73, NUL in a value", get("/"), func(w Response) error { return w.Set("A", "b\x00c") }, ErrField, "200"},
		{"row 73, CR LF in a name", get("/"), func(w Response) error { return w.Set("A\r\nB", "c") }, ErrField, "200"},
		{"row 73, a colon in a name", get("/"), func(w Response) error { return w.Set("A:", "c") }, ErrField, "200"},
		{"row 73, an empty name", get("/"), func(w Response) error { return w.Set("", "c") }, ErrField, "200"},
		{"row 73, CR LF in Content-Length", get("/"), func(w Response) error { return w.Set("Content-Length", "1\r\n") }, ErrField, "200"},
		{"row 73, CR LF in Connection", get("/"), func(w Response) error { return w.Set("Connection", "close\r\n") }, ErrField, "200"},
		{"row 74, Transfer-Encoding", get("/"), func(w Response) error { return w.Set("transfer-encoding", "chunked") }, ErrField, "200"},
		{"Content-Length that is no number", get("/"), func(w Response) error { return w.Set("Content-Length", "+1") }, ErrField, "200"},
		{"row 74, a second Content-Length", get("/"), func(w Response) error { w.Set("Content-Length", "0"); return w.Add("Content-Length", "2") }, ErrField, "200"},
		{"a status below 200", get("/"), func(w Response) error { return w.Status(199) }, ErrStatus, "200"},
		{"a status of four digits", get("/"), func(w Response) error { return w.Status(1000) }, ErrStatus, "200"},
		{"101 without Hijack", get("/", "Connection: upgrade", "Upgrade: x"), func(w Response) error { w.Status(101); return w.End("") }, ErrStatus, "500"},
		{"101 without Hijack, in parts", get("/"), func(w Response) error { w.Status(101); _, err := w.WriteString("x"); return err }, ErrStatus, "500"},
		{"200 to CONNECT without Hijack", request("CONNECT", "x:1"), func(w Response) error { return w.End("") }, ErrStatus, "501"},
		{"200 to CONNECT without Hijack, in parts", request("CONNECT", "x:1"), func(w Response) error { _, err := w.WriteString(""); return err }, ErrStatus, "501"},
		{"a status behind the head", get("/"), func(w Response) error { w.WriteString(""); return w.Status(404) }, ErrHeadSent, "200"},
		{"a field behind the head", get("/"), func(w Response) error { w.WriteString(""); return w.Set("A", "b") }, ErrHeadSent, "200"},
		{"a body with 204", get("/"), func(w Response) error { w.Status(204); return w.End("x") }, ErrNoBody, "204"},
		{"parts with 204", get("/"), func(w Response) error { w.Status(204); _, err := w.WriteString("x"); return err }, ErrNoBody, "204"},
		{"a body with 304", get("/"), func(w Response) error { w.Status(304); return w.End("x") }, ErrNoBody, "304"},
		{"a file with 304", get("/"), func(w Response) error { w.Status(304); return w.SendFile(file(t, "x"), 0, 1) }, ErrNoBody, "304"},
		{"a body with HEAD", request("HEAD", "/"), func(w Response) error { return w.End("x") }, nil, "200"},
		{"less than Content-Length", get("/"), func(w Response) error { w.Set("Content-Length", "2"); return w.End("x") }, ErrLength, "500"},
		{"more than Content-Length", get("/"), func(w Response) error { w.Set("Content-Length", "2"); return w.End("xyz") }, ErrLength, "500"},
		{"less than Content-Length, in parts", get("/"), func(w Response) error {
			w.Set("Content-Length", "2")
			w.WriteString("x")
			return w.End("")
		}, ErrLength, ""},
		{"more than Content-Length, in parts", get("/"), func(w Response) error {
			w.Set("Content-Length", "2")
			w.WriteString("x")
			_, err := w.WriteString("yz")
			return err
		}, ErrLength, ""},
		{"more than Content-Length, at the end", get("/"), func(w Response) error {
			w.Set("Content-Length", "2")
			w.WriteString("x")
			return w.End("yz")
		}, ErrLength, ""},
		{"a file longer than Content-Length", get("/"), func(w Response) error {
			w.Set("Content-Length", "2")
			return w.SendFile(file(t, "abc"), 0, 3)
		}, ErrLength, ""},
		{"a file of negative length", get("/"), func(w Response) error { return w.SendFile(file(t, "abc"), 0, -1) }, errRange, "200"},
		{"101 to who offers no upgrade", get("/", "Upgrade: x"), func(w Response) error { w.Status(101); _, err := w.Hijack(nil); w.Status(200); return err }, ErrUpgrade, "200"},
		{"Hijack behind the head", get("/"), func(w Response) error { w.WriteString(""); _, err := w.Hijack(nil); return err }, ErrHijack, "200"},
		{"Hijack before the body", post("/", "hi"), func(w Response) error { _, err := w.Hijack(nil); return err }, ErrHijack, "200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var err, late error
			r := start(t, &Server{}, func(w Response, r Request) {
				err = c.h(w)
				w.End("")
				late = w.End("again")
			})
			k := r.dial()
			k.Send(c.in)
			k.FIN()
			a, readErr := k.Answer(strings.Fields(c.in)[0])
			r.do(func() {}) // the handler has returned
			if !errors.Is(err, c.err) {
				t.Errorf("the program is told %v, want %v", err, c.err)
			}
			if !errors.Is(late, net.ErrClosed) {
				t.Errorf("End after End says %v", late)
			}
			switch {
			case c.answer == "" && readErr == nil:
				t.Errorf("the client takes %q for whole", a)
			case c.answer != "" && (readErr != nil || a.String() != c.answer):
				t.Errorf("the client gets %q, %v; want %q", a, readErr, c.answer)
			}
			k.WantEnd()
		})
	}
}

// TestSendFileShort is a file that turns out to be shorter than was said.
func TestSendFileShort(t *testing.T) {
	t.Parallel()
	r := start(t, &Server{}, func(w Response, r Request) {
		w.SendFile(file(t, "abc"), 0, 10)
		w.End("")
	})
	c := r.dial()
	c.Send(get("/"))
	if a, err := c.Answer("GET"); err == nil {
		t.Errorf("the client takes %q for whole", a)
	}
	r.idle()
}

// Lines that were set before are not checked again; those that only look alike are.
func TestFieldsSetBefore(t *testing.T) {
	t.Parallel()
	s := &session{worker: new(worker)}
	long := strings.Repeat("v", 300)
	for range 3 {
		for _, c := range []struct {
			name, value string
			err         error
			line        string
		}{
			{"X-Name", "value", nil, "X-Name: value\r\n"},
			{"X-Name", "value", nil, "X-Name: value\r\n"},
			{"X-Name", "val\re", ErrField, ""},
			{"X-Nam:", "value", ErrField, ""},
			{"x-name", "value", nil, "x-name: value\r\n"},
			{"X-Namev", "alue", nil, "X-Namev: alue\r\n"},
			{"X-Name", " valu", nil, "X-Name: valu\r\n"},
			{"X-Name", "", nil, "X-Name: \r\n"},
			{"X-Name", "\t", nil, "X-Name: \r\n"},
			{"X-Long", long, nil, "X-Long: " + long + "\r\n"},
			{"X-Long", long[1:] + "\n", ErrField, ""},
			{"", "", ErrField, ""},
		} {
			s.extra().fields = s.x.fields[:0]
			if err := s.setField(c.name, c.value, true); err != c.err || string(s.x.fields) != c.line {
				t.Errorf("%q, %q: %v and %q, not %v and %q", c.name, c.value, err, s.x.fields, c.err, c.line)
			}
		}
	}
}
