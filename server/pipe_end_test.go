package server

import (
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// A pipeSink is a sink that reports how it ended.
type pipeSink struct{ ends chan string }

func (s pipeSink) Write(p []byte) (int, error) { return len(p), nil }
func (s pipeSink) Full() bool                  { return false }
func (s pipeSink) OnDrain(fn func())           {}
func (s pipeSink) Close() error                { s.ends <- "closed"; return nil }
func (s pipeSink) Abort() error                { s.ends <- "aborted"; return nil }

// TestPipeWholeBody: a client that shuts its side down after a whole body has not cut
// it off, and waits for the answer.
func TestPipeWholeBody(t *testing.T) {
	t.Parallel()
	sink := pipeSink{make(chan string, 4)}
	left := make(chan bool, 1)
	answer := make(chan func(string) error, 1)
	s := start(t, &Server{}, func(w Response, r Request) {
		r.Pipe(sink)
		w.OnAbort(func() { left <- true })
		answer <- w.End
	})
	c := s.dial()
	c.Send(post("/", "hello"))
	c.FIN()
	wait(t, left)
	end := wait(t, answer)
	s.do(func() { end("ok") })
	c.Want("200 ok")
	if end := wait(t, sink.ends); end != "closed" {
		t.Error(end)
	}
	select {
	case end := <-sink.ends:
		t.Errorf("and then it was %s", end)
	default:
	}
}

// TestPipeToWhatHasEnded: a body for a connection or an answer that has ended is not
// waited for, though that is full for ever, and calls nobody when it has drained.
func TestPipeToWhatHasEnded(t *testing.T) {
	t.Parallel()
	ended := make(chan conn.Sink, 1)
	s := start(t, &Server{Loops: 1}, func(w Response, r Request) {
		switch string(r.Path()) {
		case "/answer":
			w.End("ok")
			ended <- w
		case "/conn":
			c, err := w.Hijack(&conn.Handler{})
			if err != nil {
				t.Error(err)
			}
			c.Abort()
			ended <- c
		default:
			r.Pipe(<-ended)
		}
	})
	for _, path := range []string{"/answer", "/conn"} {
		first := s.dial()
		first.Send(get(path))
		if path == "/answer" {
			first.Want("200 ok")
		} else {
			first.WantGone()
		}
		for _, in := range []string{post("/to", "hello"), chunks("/to", "hello")} {
			dst := wait(t, ended)
			ended <- dst
			c := s.dial()
			c.Send(in)
			c.WantGone()
			ended <- dst
		}
		<-ended
	}
}
