package server

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestAccess: what is told of each exchange, however it ends.
func TestAccess(t *testing.T) {
	t.Parallel()
	told := make(chan string, 10)
	var addr atomic.Value
	handles := make(chan Response, 1)
	access := func(a Access) {
		line := fmt.Sprintf("%s %s %d %d %d", a.Method, a.Target, a.Status, a.Received, a.Sent)
		if a.Aborted {
			line += " aborted"
		} else if got := a.RemoteAddr(); got == nil || got.String() != addr.Load() {
			t.Errorf("%s: from %v, want %v", line, got, addr.Load())
		}
		if a.Duration < 0 || time.Since(a.Began) > time.Hour || strings.HasPrefix(string(a.Target), "/later") && a.Duration < 10*time.Millisecond {
			t.Errorf("%s: it took %v, from %v on", line, a.Duration, a.Began)
		}
		told <- line
	}
	handler := answerInWays(t, handles)
	patient := start(t, &Server{MaxHead: 1000, MaxBody: 1000, Access: access}, handler)
	impatient := start(t, &Server{BodyTimeout: 20 * time.Millisecond, Access: access}, handler)
	for _, c := range []struct{ in, want string }{
		{get("/"), "GET / 200 0 0"},
		{post("/?a=b", "hello"), "POST /?a=b 200 5 5"},
		{chunks("/", "he", "llo"), "POST / 200 5 5"},
		{get("/later?"), "GET /later? 200 0 5"},
		{get("/parts"), "GET /parts 404 0 13"},
		{get("/sized"), "GET /sized 200 0 8"},
		{get("/file"), "GET /file 200 0 9"},
		{get("/chunkedfile"), "GET /chunkedfile 200 0 16"},
		{request("HEAD", "/head"), "HEAD /head 200 0 0"},
		{post("/file", "not read"), "POST /file 200 0 9"},
		{get("/hijack", "Connection: upgrade", "Upgrade: x"), "GET /hijack 101 0 0"},
		{get("/", "Expect: a miracle"), "GET / 417 0 0"},
		{post("/", strings.Repeat("x", 1001)), "POST / 413 0 0"},
		{post("/", "hello")[:len(post("/", "hello"))-1], "POST / 408 4 0 aborted"},
		{"GET / HTTP/1.1\n\n", "  400 0 0"},
		{get("/wait"), "GET /wait 0 0 0 aborted"},
		{get("/wait?sent"), "GET /wait?sent 201 0 3 aborted"},
	} {
		s := patient
		if strings.Contains(c.want, "408") {
			s = impatient
		}
		k := s.dial()
		addr.Store(k.LocalAddr().String())
		k.Send(c.in)
		if strings.Contains(c.in, "/wait") {
			w := wait(t, handles)
			if strings.Contains(c.in, "sent") {
				w.Post(func() { w.Status(201); w.WriteString("yes") })
				io.ReadFull(k, make([]byte, 5))
			}
			k.Reset()
		}
		if got := wait(t, told); got != c.want {
			t.Errorf("told %q, want %q", got, c.want)
		}
		k.Close()
		s.idle()
	}
	// One after the other on one connection, and several at once.
	k := patient.dial()
	addr.Store(k.LocalAddr().String())
	k.Send(get("/later?1") + get("/2") + get("/later?3"))
	for _, want := range []string{"GET /later?1 200 0 5", "GET /2 200 0 0", "GET /later?3 200 0 5"} {
		if got := wait(t, told); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	k.Close()
	patient.idle()
	if len(told) > 0 {
		t.Errorf("told %q more", <-told)
	}
}

// answerInWays answers as the path says; what waits is given to handles.
func answerInWays(t *testing.T, handles chan<- Response) Handler {
	return func(w Response, r Request) {
		switch string(r.Path()) {
		case "/later":
			w.After(10*time.Millisecond, func() { w.End("later") })
		case "/wait":
			handles <- w
		case "/parts":
			w.Status(404)
			w.WriteString("one ")
			w.WriteString("two ")
			w.End("three")
		case "/sized":
			w.Set("Content-Length", "8")
			w.WriteString("one ")
			w.End("two ")
		case "/file":
			w.SendFile(file(t, "of a file"), 0, 9)
			w.End("")
		case "/chunkedfile":
			w.WriteString("a part ")
			w.SendFile(file(t, "of a file"), 0, 9)
			w.End("")
		case "/head":
			w.End("not sent")
		case "/hijack":
			w.Status(101)
			c, err := w.Hijack(nil)
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		default:
			r.Body(1000, func(p []byte) { w.EndBytes(p) })
		}
	}
}

// An access log in the common format.
func ExampleServer_access() {
	s := &Server{Handler: func(w Response, r Request) { w.End("Hello World\n") }}
	s.Access = func(a Access) {
		host := "-"
		if addr := a.RemoteAddr(); addr != nil {
			host = addr.String()
		}
		fmt.Printf("%s - - [%s] %q %d %d\n", host, a.Began.Format("02/Jan/2006:15:04:05 -0700"),
			string(a.Method)+" "+string(a.Target), a.Status, a.Sent)
	}
}
