package server

import "testing"

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
