// What all connections hold together.

package server

import (
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// TestMaxMemory: clients that pipeline after an answer that does not come, that do
// not read a stream, and that wait in a Hub and do not read, are reset when they
// hold more than the server may, those that hold most first; others are served.
func TestMaxMemory(t *testing.T) {
	t.Parallel()
	const most, clients = 2 << 20, 100
	for name, in := range map[string]string{
		"pipelined": get("/never") + strings.Repeat(get("/"), 1000),
		"stream":    get("/stream"),
		"hub":       get("/hub"),
		"bodies":    "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("b", 100000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var hub Hub
			s := start(t, &Server{MaxMemory: most}, func(w Response, r Request) {
				switch string(r.Path()) {
				case "/never":
				case "/stream":
					part := make([]byte, 32<<10)
					var more func()
					more = func() {
						for !w.Full() {
							w.Write(part)
						}
						w.OnDrain(more)
					}
					more()
				case "/body":
					r.Body(1<<20, func([]byte) { w.End("") })
				case "/hub":
					hub.Add(w)
				default:
					w.End("ok")
				}
			})
			quiet := s.dial() // a small offender
			quiet.Send(get("/never"))
			until(t, "it waits", func() bool { return s.Stats().Answering == 1 })
			for range clients {
				c := s.dial()
				c.Write([]byte(in)) // may be reset already
			}
			until(t, "they are there", func() bool { return s.Stats().Accepted == clients+1 })
			until(t, "some are reset", func() bool {
				hub.Send(make([]byte, 64<<10))
				c := s.dial()
				c.Send(get("/"))
				c.Want("200 ok")
				c.Close()
				return s.Stats().Limits.MaxMemory > 0
			})
			until(t, "it is less", func() bool { return s.Stats().Held <= most })
			if s.Stats().Answering == 0 {
				t.Error("who held next to nothing was reset")
			}
			text := ""
			until(t, "it is logged", func() bool { // after it was counted
				text += s.logs.Take()
				return strings.Contains(text, "hold too much") || name == "hub" && strings.Contains(text, "take too much memory")
			})
			s.Close()
			s.logs.Take()
		})
	}
}

// TestHubMemory: messages that are sent faster than they can be dealt out are bounded
// too. Who would miss some is aborted; others are served, and who comes later.
func TestHubMemory(t *testing.T) {
	t.Parallel()
	hub := Hub{MaxBacklog: -1}
	causes := make(chan error, 10)
	s := start(t, &Server{MaxMemory: 4 << 20}, func(w Response, r Request) {
		switch string(r.Path()) {
		case "/wait":
			w.OnAbort(func(err error) { causes <- err })
			hub.Add(w)
		case "/flood":
			for range 100 {
				hub.Send(make([]byte, 64<<10))
			}
			w.End("sent")
		default:
			w.End("ok")
		}
	})
	for range 3 {
		s.dial().Send(get("/wait"))
	}
	until(t, "they wait", func() bool { return hub.Len() == 3 })
	c := s.dial()
	c.Send(get("/flood"))
	c.Want("200 sent")
	for range 3 {
		if err := wait(t, causes); err != conn.ErrMemory {
			t.Errorf("OnAbort was told %v", err)
		}
	}
	until(t, "nothing is held", func() bool { st := s.Stats(); return st.Held == 0 && st.Limits.MaxMemory == 3 })
	late := s.dial()
	late.Send(get("/wait"))
	until(t, "it waits", func() bool { return hub.Len() == 1 })
	hub.End([]byte("news"))
	late.Want("200 news")
	c.Send(get("/"))
	c.Want("200 ok")
	s.logs.Want(t, "messages of a Hub take too much memory")
}
