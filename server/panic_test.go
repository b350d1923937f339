// Panics of programs: they cost a connection, and nobody else notices.

package server

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

func TestPanic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		in   string
		h    Handler
	}{
		{"in the handler", get("/"), func(w Response, r Request) { panic("boo") }},
		{"in the handler, half answered", get("/"), func(w Response, r Request) { w.WriteString("a"); panic("boo") }},
		{"in the handler, answered", get("/"), func(w Response, r Request) { w.End("a"); panic("boo") }},
		{"in Stream", post("/", "hi"), func(w Response, r Request) { r.Stream(func([]byte, bool) { panic("boo") }) }},
		{"in Body", post("/", "hi"), func(w Response, r Request) { r.Body(9, func([]byte) { panic("boo") }) }},
		{"in Body, collected", chunks("/", "hi", "ho"), func(w Response, r Request) { r.Body(9, func([]byte) { panic("boo") }) }},
		{"in After", get("/"), func(w Response, r Request) { w.After(0, func() { panic("boo") }) }},
		{"in Post", get("/"), func(w Response, r Request) { w.Post(func() { panic("boo") }) }},
		{"in OnDrain", get("/"), func(w Response, r Request) { w.OnDrain(func() { panic("boo") }) }},
		{"in OnAbort at the end", get("/"), func(w Response, r Request) { w.OnAbort(func() { panic("boo") }); w.Abort() }},
		{"in OnAbort at FIN", get("/"), func(w Response, r Request) { w.OnAbort(func() { panic("boo") }) }},
		{"in OnAbort at a refusal", chunked1("1\r\nxx"), func(w Response, r Request) {
			w.OnAbort(func() { panic("boo") })
			r.Stream(func([]byte, bool) {})
		}},
		{"in OnAbort at a panic", get("/"), func(w Response, r Request) { w.OnAbort(func() { panic("boo") }); panic("boo") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, &Server{}, func(w Response, r Request) {
				if string(r.Path()) == "/other" {
					w.End("fine")
					return
				}
				c.h(w, r)
			})
			other := s.dial()
			other.Send(get("/other"))
			other.Want("200 fine")
			k := s.dial()
			k.Send(c.in)
			if strings.HasSuffix(c.name, "FIN") {
				k.FIN()
			}
			k.WantGone()
			other.Send(get("/other"))
			other.Want("200 fine")
			other.Close()
			s.idle()
			s.logs.Want(t, "boo", "panic_test.go")
		})
	}
}

// An answer that the connection's end would end is cut off by a reset: a FIN
// would make what there is of it look whole.
func TestHalfAnAnswer(t *testing.T) {
	loopback.NeedResets(t)
	t.Parallel()
	for _, c := range []struct {
		name string
		cut  func(s *rig, w Response)
	}{
		{"by a panic", func(_ *rig, w Response) { w.Post(func() { panic("boo") }) }},
		{"by Server.Close", func(s *rig, _ Response) { s.Server.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			begun := make(chan Response, 1)
			s := start(t, &Server{}, func(w Response, r Request) { w.WriteString("half"); begun <- w })
			k := s.dial()
			k.Send("GET / HTTP/1.0\r\n\r\n")
			w := wait(t, begun)
			for text := ""; !strings.HasSuffix(text, "\r\n\r\nhalf"); {
				b, err := k.In.ReadByte()
				if err != nil {
					t.Fatal(err)
				}
				text += string(b)
			}
			c.cut(s, w)
			if b, err := k.In.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("read %q, %v: not a reset", b, err)
			}
			s.logs.Take()
		})
	}
}
